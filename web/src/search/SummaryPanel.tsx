// "Summarise these cases": sentences stream in, each with the cases it rests on, doubtful ones flagged.

import { useEffect, useReducer, useRef, useState } from "react";
import { streamSummary } from "../api/sse";
import type { SearchRequest } from "../api/types";
import { took } from "../app/format";
import { asApiError } from "../app/load";
import { Icon } from "../ui/icons";
import {
  doubt,
  NO_SUMMARY,
  type SummarySentence,
  type SummaryState,
  summaryAsText,
  summaryReducer,
  withoutCitations,
  writerName,
} from "./summary-state";

const TOP_CASES = 5;

interface SummaryPanelProps {
  request: SearchRequest;
  cases: number;
  onCite: (caseId: string) => void;
}

export function SummaryPanel({ request, cases, onCite }: SummaryPanelProps) {
  const [state, dispatch] = useReducer(summaryReducer, NO_SUMMARY);
  const abort = useRef<AbortController | null>(null);
  useEffect(() => () => abort.current?.abort(), []);

  const ask = async () => {
    abort.current?.abort();
    const mine = new AbortController();
    abort.current = mine;
    dispatch({ event: "asked" });
    try {
      for await (const event of streamSummary(request, TOP_CASES, mine.signal)) dispatch(event);
      dispatch({ event: "ended" });
    } catch (cause) {
      if (!mine.signal.aborted) dispatch({ event: "failed", reason: asApiError(cause).message });
    }
  };
  const stop = () => {
    abort.current?.abort();
    dispatch({ event: "reset" });
  };

  if (state.phase === "idle") {
    return (
      <section className="panel panel-ask" aria-label="Summary">
        <button type="button" className="button button-wide" onClick={() => void ask()}>
          Summarise these cases
        </button>
        <p className="panel-foot">
          From the reports of the first {Math.min(TOP_CASES, cases)}; every sentence names its cases.
        </p>
      </section>
    );
  }
  return (
    <section className="panel" aria-labelledby="summary-title">
      <header className="panel-head">
        <h2 id="summary-title">Summary</h2>
        <SummaryTools state={state} onStop={stop} onAgain={() => void ask()} />
      </header>
      {state.writer && (
        <p className="writer">
          <span className={state.writer.kind === "model" ? "writer-kind writer-model" : "writer-kind"}>
            {state.writer.kind === "model" ? "Model" : "Extract"}
          </span>
          {writerName(state.writer)}
        </p>
      )}
      <div className="summary" aria-live="polite" aria-busy={state.phase === "running"}>
        {state.sentences.map((sentence, at) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: sentences are only ever appended
          <Sentence key={at} sentence={sentence} state={state} onCite={onCite} />
        ))}
        {state.phase === "running" && <span className="summary-caret" role="status" aria-label="Writing" />}
        {state.phase === "done" && state.sentences.length === 0 && (
          <p className="panel-text">The reports of these cases hold nothing to summarise.</p>
        )}
      </div>
      {state.phase === "failed" && (
        <p className="summary-failed" role="alert">
          {state.reason}
        </p>
      )}
      <p className="panel-foot">
        {state.tookMs != null && `${took(state.tookMs)}. `}Read the cited reports before you rely on a
        sentence.
      </p>
    </section>
  );
}

function SummaryTools({
  state,
  onStop,
  onAgain,
}: {
  state: SummaryState;
  onStop: () => void;
  onAgain: () => void;
}) {
  const [copied, setCopied] = useState(false);
  if (state.phase === "running") {
    return (
      <button type="button" className="button button-small" onClick={onStop}>
        Stop
      </button>
    );
  }
  if (state.phase === "failed") {
    return (
      <button type="button" className="button button-small" onClick={onAgain}>
        Try again
      </button>
    );
  }
  return (
    <button
      type="button"
      className="button button-small"
      onClick={() => {
        void navigator.clipboard.writeText(summaryAsText(state)).then(() => {
          setCopied(true);
          setTimeout(() => setCopied(false), 2000);
        });
      }}
    >
      <Icon name={copied ? "check" : "copy"} size={14} />
      {copied ? "Copied" : "Copy"}
    </button>
  );
}

interface SentenceProps {
  sentence: SummarySentence;
  state: SummaryState;
  onCite: (caseId: string) => void;
}

function Sentence({ sentence, state, onCite }: SentenceProps) {
  const flaw = doubt(sentence.verdict);
  return (
    <p className={flaw ? "sentence sentence-doubted" : "sentence"}>
      {withoutCitations(sentence.text)}
      {sentence.citations.map((number) => {
        const source = state.evidence.find((other) => other.number === number);
        return (
          <button
            type="button"
            key={number}
            className="citation"
            disabled={!source}
            title={source?.title ?? "Not among the cases"}
            aria-label={`Case ${number}${source ? `: ${source.title}` : ""}`}
            onClick={() => source && onCite(source.case_id)}
          >
            {number}
          </button>
        );
      })}
      {flaw && (
        <span className="sentence-flaw">
          <Icon name="alert" size={12} />
          {flaw}
        </span>
      )}
    </p>
  );
}
