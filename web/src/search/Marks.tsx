// The cases that a reader has marked: what moves the answer stands above it, and each mark can be taken back.

import type { Mark } from "../api/types";
import { type PageQuery, withMark } from "../app/query-url";
import { Link } from "../app/router";
import { Icon } from "../ui/icons";

interface MarksProps {
  query: PageQuery;
  /** As the answer names them; missing until it is there. */
  marks: Mark[];
  onChange: (change: Partial<PageQuery>) => void;
}

export function Marks({ query, marks, onChange }: MarksProps) {
  const ids = [...query.relevant, ...query.notRelevant];
  if (ids.length === 0) return null;
  const titleOf = (id: string) => marks.find(({ case_id }) => case_id === id)?.title || id;
  const chip = (id: string, relevant: boolean) => (
    <li key={id} className={relevant ? "chip case-mark case-mark-relevant" : "chip case-mark case-mark-not"}>
      <Icon name={relevant ? "more" : "less"} size={13} />
      <span className="sr-only">{relevant ? "Relevant: " : "Not relevant: "}</span>
      <Link href={`/case/${encodeURIComponent(id)}`}>{titleOf(id)}</Link>
      <button
        type="button"
        aria-label={`Take back the mark of ${titleOf(id)}`}
        onClick={() => onChange(withMark(query, id, null))}
      >
        <Icon name="close" size={12} />
      </button>
    </li>
  );
  return (
    <ul className="chips marks" aria-label="Marked cases">
      {query.relevant.map((id) => chip(id, true))}
      {query.notRelevant.map((id) => chip(id, false))}
      {ids.length > 1 && (
        <li>
          <button type="button" className="link" onClick={() => onChange({ relevant: [], notRelevant: [] })}>
            Take all marks back
          </button>
        </li>
      )}
    </ul>
  );
}
