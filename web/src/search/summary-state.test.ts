import { describe, expect, it } from "vitest";
import { doubt, NO_SUMMARY, type SummaryAction, summaryAsText, summaryReducer } from "./summary-state";

const run = (...actions: SummaryAction[]) => actions.reduce(summaryReducer, NO_SUMMARY);

const STARTED: SummaryAction = {
  event: "started",
  writer: { kind: "model", name: "medgemma" },
  evidence: [{ number: 1, case_id: "c-1", title: "Effusion" }],
};
const SENTENCE: SummaryAction = {
  event: "sentence",
  text: "A left effusion was seen [1].",
  citations: [1],
  verdict: { kind: "not_in_cited_text", what: ["side: left"] },
};

describe("a summary", () => {
  it("grows by sentences and ends", () => {
    const state = run(
      { event: "asked" },
      STARTED,
      SENTENCE,
      { event: "done", sentences: 1, took_ms: 9 },
      { event: "ended" },
    );
    expect(state.phase).toBe("done");
    expect(state.sentences).toHaveLength(1);
    expect(state.tookMs).toBe(9);
  });

  it("keeps what was written when it is cut off, and says so", () => {
    const state = run({ event: "asked" }, STARTED, SENTENCE, { event: "ended" });
    expect(state.phase).toBe("failed");
    expect(state.reason).toMatch(/cut off/);
    expect(state.sentences).toHaveLength(1);
  });

  it("begins anew without what was before", () => {
    expect(run(STARTED, SENTENCE, { event: "asked" }).sentences).toEqual([]);
  });

  it("flags every verdict but support", () => {
    expect(doubt({ kind: "supported" })).toBeNull();
    expect(doubt({ kind: "not_in_cited_text", what: [] })).toBe("not in the cited text");
    expect(doubt({ kind: "no_citation" })).toBe("cites nothing");
    expect(doubt({ kind: "unknown_citation", numbers: [7, 9] })).toContain("[7], [9]");
  });

  it("is copied with its doubts, sources and writer", () => {
    const text = summaryAsText(run({ event: "asked" }, STARTED, SENTENCE));
    expect(text).toContain(
      "A left effusion was seen. [1] (not in the cited text: side: left)".replace("seen. ", "seen. "),
    );
    expect(text).toContain("[1] Effusion (case c-1)");
    expect(text).toContain("medgemma");
    expect(text).toMatch(/not for medical use/);
  });
});
