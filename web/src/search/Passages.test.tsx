import { renderToStaticMarkup } from "react-dom/server";
import { describe, expect, it } from "vitest";
import { joinParts, Passages } from "./Passages";

describe("passages", () => {
  it("join neighbouring marks over a space", () => {
    const parts = [
      { text: "Small ", mark: false },
      { text: "pleural", mark: true },
      { text: " ", mark: false },
      { text: "effusion", mark: true },
      { text: " on the left.", mark: false },
    ];
    expect(joinParts(parts)).toEqual([
      { text: "Small ", mark: false },
      { text: "pleural effusion", mark: true },
      { text: " on the left.", mark: false },
    ]);
  });

  it("never lose or add a letter", () => {
    const parts = [" ", "a", " ", "b", "", " "].map((text, at) => ({ text, mark: at % 2 === 1 }));
    const text = (list: { text: string }[]) => list.map((part) => part.text).join("");
    expect(text(joinParts(parts))).toBe(text(parts));
  });

  it("show report text as text, never as markup", () => {
    const html = renderToStaticMarkup(
      <Passages
        passages={[
          {
            section: "findings",
            parts: [
              { text: "<img src=x>", mark: false },
              { text: "mass", mark: true },
            ],
          },
        ]}
      />,
    );
    expect(html).toContain("&lt;img src=x&gt;<mark>mass</mark>");
  });

  it("say of labels too what they leave open and what they deny", () => {
    const html = (section: string) =>
      renderToStaticMarkup(<Passages passages={[{ section, parts: [{ text: "oedema: 0", mark: true }] }]} />);
    expect(html("uncertain label")).toContain('<dt class="section">Uncertain label</dt>');
    expect(html("negated label")).toContain('<dt class="section section-negated">Negated label</dt>');
    expect(html("historical")).toContain(">Of the past</dt>");
  });
});
