// What the nearest prior cases turned out to be: labels among the hits, with n and the unlabelled share.

import { useState } from "react";
import type { Votes as VotesData } from "../api/types";
import { counted } from "../app/format";

const SHOWN = 7;

export function Votes({ votes, onLabel }: { votes: VotesData; onLabel: (label: string) => void }) {
  const [all, setAll] = useState(false);
  if (votes.hits === 0) return null;
  const labelled = votes.hits - votes.unlabelled;
  const shown = all ? votes.labels : votes.labels.slice(0, SHOWN);
  return (
    <section className="panel" aria-labelledby="votes-title">
      <header className="panel-head">
        <h2 id="votes-title">Labels among these cases</h2>
        <span className="panel-note">n = {votes.hits}</span>
      </header>
      {labelled === 0 ? (
        <p className="panel-text">None of the {counted(votes.hits, "case")} carries a label.</p>
      ) : (
        <ul className="votes">
          {shown.map(({ label, hits }) => (
            <li key={label}>
              <button
                type="button"
                className="vote"
                title={`Only cases labelled ${label}`}
                onClick={() => onLabel(label)}
              >
                <span className="vote-bar" style={{ width: `${(hits / votes.hits) * 100}%` }} />
                <span className="vote-label">{label}</span>
                <span className="vote-count">
                  {hits}
                  <small> / {votes.hits}</small>
                </span>
              </button>
            </li>
          ))}
        </ul>
      )}
      {votes.labels.length > shown.length && (
        <button type="button" className="link" onClick={() => setAll(true)}>
          {votes.labels.length - shown.length} more labels
        </button>
      )}
      <p className="panel-foot">
        {votes.unlabelled > 0
          ? `${votes.unlabelled} of ${votes.hits} unlabelled (${Math.round((votes.unlabelled / votes.hits) * 100)}%). `
          : "All labelled. "}
        A case may carry several labels. Counts, not a diagnosis.
      </p>
    </section>
  );
}
