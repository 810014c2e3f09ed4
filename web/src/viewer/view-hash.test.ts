import { describe, expect, it } from "vitest";
import { UPRIGHT } from "./orientation";
import { formatPanes, type PanePlace, parsePanes, rememberPanes } from "./view-hash";

const PANES: PanePlace[] = [
  {
    imageId: "i-7",
    frame: 3,
    window: { center: -600, width: 1500 },
    orientation: { degrees: 90, flipped: true },
  },
  { imageId: "q-a b", frame: 0, window: null, orientation: UPRIGHT },
];

describe("the panes in the address", () => {
  it("come back as they went in, and can be read", () => {
    expect(parsePanes(formatPanes(PANES))).toEqual(PANES);
    expect(formatPanes(PANES)).toBe("#pane=i-7&frame=3&window=-600,1500&turn=90m&pane=q-a+b");
    expect(formatPanes([])).toBe("");
  });

  it("are never more than four, and nonsense is left out", () => {
    expect(parsePanes("#pane=a&pane=b&pane=c&pane=d&pane=e")).toHaveLength(4);
    const [pane] = parsePanes("#frame=2&pane=a&frame=-1&window=1,0&turn=13&window=,5");
    expect(pane).toEqual({ imageId: "a", frame: 0, window: null, orientation: UPRIGHT });
    expect(parsePanes("")).toEqual([]);
  });

  it("leave the question in the address alone", () => {
    window.history.replaceState({ inside: true }, "", "/?q=effusion&open=i-7");
    rememberPanes(PANES);
    expect(window.location.search).toBe("?q=effusion&open=i-7");
    expect(parsePanes(window.location.hash)).toEqual(PANES);
    expect(window.history.state).toEqual({ inside: true });
    rememberPanes([{ imageId: "i-7", frame: 0, window: null, orientation: UPRIGHT }]);
    expect(window.location.href.endsWith("?q=effusion&open=i-7")).toBe(true);
  });
});
