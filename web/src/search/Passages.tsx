// Passages of the report with the matched words marked.

import { Fragment } from "react";
import type { Passage, PassagePart } from "../api/types";

const SECTIONS: Record<string, string> = {
  findings: "Findings",
  impression: "Impression",
  history: "History",
  title: "Title",
  label: "Label",
  uncertain: "Uncertain",
  historical: "Of the past",
  negated: "Negated",
  "uncertain label": "Uncertain label",
  "negated label": "Negated label",
  other: "Report",
};

/** Sections that say what is absent. */
const NEGATED = ["negated", "negated label"];

/** Neighbouring parts of one kind joined, so that "pleural" + " " + "effusion" is one mark and not three. */
export function joinParts(parts: PassagePart[]): PassagePart[] {
  const joined: PassagePart[] = [];
  for (const [at, part] of parts.entries()) {
    const last = joined.at(-1);
    const bridge = part.text.trim() === "" && last?.mark === true && parts[at + 1]?.mark === true;
    const mark = part.mark || bridge;
    if (last && last.mark === mark) last.text += part.text;
    else if (part.text !== "") joined.push({ text: part.text, mark });
  }
  return joined;
}

export function Passages({ passages, most = 2 }: { passages: Passage[]; most?: number }) {
  return (
    <dl className="passages">
      {passages.slice(0, most).map((passage, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: passages never move within a hit
        <Fragment key={at}>
          <dt className={NEGATED.includes(passage.section) ? "section section-negated" : "section"}>
            {SECTIONS[passage.section] ?? passage.section}
          </dt>
          <dd>
            {joinParts(passage.parts).map((part, place) =>
              // biome-ignore lint/suspicious/noArrayIndexKey: parts never move within a passage
              part.mark ? <mark key={place}>{part.text}</mark> : <Fragment key={place}>{part.text}</Fragment>,
            )}
          </dd>
        </Fragment>
      ))}
    </dl>
  );
}
