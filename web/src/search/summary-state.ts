// The state of a summary while it streams in: a pure reducer over the service's events.

import type { Evidence, SummaryEvent, SummaryWriter, Verdict } from "../api/types";

export interface SummarySentence {
  text: string;
  citations: number[];
  verdict: Verdict;
}

export interface SummaryState {
  phase: "idle" | "running" | "done" | "failed";
  writer: SummaryWriter | null;
  evidence: Evidence[];
  sentences: SummarySentence[];
  reason: string | null;
  tookMs: number | null;
}

export const NO_SUMMARY: SummaryState = {
  phase: "idle",
  writer: null,
  evidence: [],
  sentences: [],
  reason: null,
  tookMs: null,
};

export type SummaryAction = SummaryEvent | { event: "asked" } | { event: "reset" } | { event: "ended" };

export function summaryReducer(state: SummaryState, action: SummaryAction): SummaryState {
  switch (action.event) {
    case "asked":
      return { ...NO_SUMMARY, phase: "running" };
    case "reset":
      return NO_SUMMARY;
    case "started":
      return { ...state, writer: action.writer, evidence: action.evidence };
    case "sentence": {
      const { text, citations, verdict } = action;
      return { ...state, sentences: [...state.sentences, { text, citations, verdict }] };
    }
    case "done":
      return { ...state, phase: "done", tookMs: action.took_ms };
    case "failed":
      return { ...state, phase: "failed", reason: action.reason };
    case "ended":
      // The stream ended: unless it said how, it was cut off.
      return state.phase === "running"
        ? { ...state, phase: "failed", reason: "The summary was cut off before its end." }
        : state;
  }
}

/** What is wrong with a sentence, in a few words; null where its citations bear it out. */
export function doubt(verdict: Verdict): string | null {
  switch (verdict.kind) {
    case "supported":
      return null;
    case "not_in_cited_text":
      return verdict.what.length > 0
        ? `not in the cited text: ${verdict.what.join(", ")}`
        : "not in the cited text";
    case "no_citation":
      return "cites nothing";
    case "unknown_citation":
      return `cites [${verdict.numbers.join("], [")}], which is not among the cases`;
  }
}

export const writerName = (writer: SummaryWriter): string =>
  writer.kind === "model"
    ? `Written by the language model ${writer.name}`
    : `Extract from the reports; no model wrote it${writer.reason ? `: ${writer.reason}` : ""}`;

/** The text with its citations inside it taken out; they are shown as chips behind it. */
export const withoutCitations = (text: string): string =>
  text.replace(/\s*\[\d+(?:\s*,\s*\d+)*\]/g, "").trim();

/** The summary as plain text, doubts and sources included, for the clipboard. */
export function summaryAsText(state: SummaryState): string {
  const lines = state.sentences.map(({ text, citations, verdict }) => {
    const cited = citations.length > 0 ? ` [${citations.join("][")}]` : "";
    const flaw = doubt(verdict);
    return `${withoutCitations(text)}${cited}${flaw ? ` (${flaw})` : ""}`;
  });
  const sources = state.evidence.map(
    ({ number, case_id, title }) => `[${number}] ${title} (case ${case_id})`,
  );
  const writer = state.writer ? `${writerName(state.writer)}. ` : "";
  return [...lines, "", ...sources, "", `${writer}For research use only; not for medical use.`].join("\n");
}
