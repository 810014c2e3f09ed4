// One case of an answer, with the evidence why it is there.

import { forwardRef } from "react";
import type { FoundBy, Hit, HitView, Way } from "../api/types";
import { counted, facts } from "../app/format";
import { EMPTY_QUERY, queryHref } from "../app/query-url";
import { Link } from "../app/router";
import { AddToCollection } from "../collections/AddToCollection";
import { Icon } from "../ui/icons";
import { Labels } from "../ui/parts";
import { HitPicture } from "./HitPicture";
import { Passages } from "./Passages";

const WAY_NAMES: Record<Way, string> = {
  report: "words",
  label: "label",
  image: "picture",
  text_to_image: "words → picture",
};
const WAY_MEANINGS: Record<Way, string> = {
  report: "The words occur in report or title",
  label: "The words occur in a label of the case",
  image: "A picture of the case is near a picture of the query",
  text_to_image: "A picture of the case is near the words, by the model",
};

export const hitElementId = (caseId: string): string => `hit-${caseId}`;

function FoundByChip({ found, standIn }: { found: FoundBy; standIn: boolean }) {
  const byWords = found.way === "report" || found.way === "label";
  const measure = byWords ? "BM25" : "cosine";
  const doubt = standIn && !byWords;
  const meaning = `${WAY_MEANINGS[found.way]}: rank ${found.rank} in this way alone (${measure} ${found.score.toFixed(2)}).`;
  return (
    <li
      className={doubt ? "found found-stand-in" : "found"}
      title={
        doubt
          ? `${meaning} The demo model knows drawn phantoms only: on a real picture this says little.`
          : meaning
      }
    >
      {WAY_NAMES[found.way]} <b>#{found.rank}</b>
      {doubt && <em>stand-in</em>}
    </li>
  );
}

export function ScoreBar({ score, rank }: { score: number; rank: number }) {
  return (
    <div
      className="score"
      title="1.00 means first in every way of finding that took part. It orders this list; it is no probability."
    >
      <div className="score-track">
        <span style={{ width: `${Math.min(1, Math.max(0, score)) * 100}%` }} />
      </div>
      <span className="score-value">
        <span className="sr-only">Rank {rank}, score </span>
        {score.toFixed(2)}
      </span>
    </div>
  );
}

interface HitCardProps {
  hit: Hit;
  selected: boolean;
  standIn: boolean;
  onOpen: (view: HitView) => void;
  /** Marks the case as relevant or not; the answer is then another one. */
  onMark: (mark: "relevant" | "not relevant") => void;
  /** Opens the viewer with the query's picture beside; absent where the query has none. */
  onCompare?: (view: HitView) => void;
  onSelect: () => void;
}

export const HitCard = forwardRef<HTMLElement, HitCardProps>(function HitCard(
  { hit, selected, standIn, onOpen, onMark, onCompare, onSelect },
  ref,
) {
  const [first, ...others] = hit.views;
  const shownPassages = hit.passages.filter((passage) => passage.section !== "title");
  return (
    <article
      ref={ref}
      id={hitElementId(hit.case_id)}
      className={selected ? "hit hit-selected" : "hit"}
      aria-current={selected ? "true" : undefined}
      aria-labelledby={`${hitElementId(hit.case_id)}-title`}
      tabIndex={-1}
      onPointerDown={onSelect}
    >
      <div className="hit-pictures">
        {first ? (
          <button
            type="button"
            className="hit-picture"
            aria-label={`Open the picture of case ${hit.rank} in the viewer`}
            onClick={() => onOpen(first)}
          >
            <HitPicture view={first} title={hit.title} />
            {first.frame > 0 && <span className="hit-frame">frame {first.frame + 1}</span>}
            {first.alike ? (
              <span className="hit-alike" title="Pictures of this case that are nearly the same as this one">
                +{first.alike} alike
              </span>
            ) : null}
          </button>
        ) : (
          <span className="hit-picture hit-picture-none">report only</span>
        )}
        {others.length > 0 && (
          <div className="hit-more">
            {others.slice(0, 3).map((view) => (
              <button
                type="button"
                key={`${view.image_id}-${view.frame}-${view.box.join()}`}
                aria-label="Open another matching part"
                onClick={() => onOpen(view)}
              >
                <HitPicture view={view} title={hit.title} size={128} />
              </button>
            ))}
          </div>
        )}
      </div>
      <div className="hit-body">
        <header className="hit-head">
          <span className="hit-rank" aria-hidden="true">
            {hit.rank}
          </span>
          <h3 id={`${hitElementId(hit.case_id)}-title`}>
            <Link href={`/case/${encodeURIComponent(hit.case_id)}`}>{hit.title}</Link>
          </h3>
          <ScoreBar score={hit.score} rank={hit.rank} />
        </header>
        <p className="facts">
          {facts(hit).map((fact) => (
            <span key={fact}>{fact}</span>
          ))}
          {hit.synthetic && (
            <span className="drawn" title="A drawn case of the synthetic library, not a patient">
              drawn
            </span>
          )}
        </p>
        <ul className="founds" aria-label="Found by">
          {hit.found_by.map((found) => (
            <FoundByChip key={found.way} found={found} standIn={standIn && !hit.synthetic} />
          ))}
          {hit.similarity != null && (
            <li className="similarity" title={similarityMeaning(hit)}>
              cos {hit.similarity.toFixed(2)}
            </li>
          )}
        </ul>
        {shownPassages.length > 0 && <Passages passages={shownPassages} />}
        <Duplicates ids={hit.duplicates ?? []} />
        <footer className="hit-foot">
          <Labels labels={hit.labels} />
          <div className="hit-actions">
            <button
              type="button"
              className="button button-quiet button-icon"
              aria-label={`More like ${hit.title}`}
              title="Relevant: find more like this"
              onClick={() => onMark("relevant")}
            >
              <Icon name="more" />
            </button>
            <button
              type="button"
              className="button button-quiet button-icon"
              aria-label={`Less like ${hit.title}`}
              title="Not relevant: find less like this"
              onClick={() => onMark("not relevant")}
            >
              <Icon name="less" />
            </button>
            {first && onCompare && (
              <button
                type="button"
                className="button button-quiet button-icon"
                aria-label={`Compare ${hit.title} with the query`}
                title="Compare with the query"
                onClick={() => onCompare(first)}
              >
                <Icon name="compare" />
              </button>
            )}
            <Link
              className="button button-quiet button-icon"
              href={queryHref({ ...EMPTY_QUERY, case: hit.case_id })}
              aria-label={`Find cases like ${hit.title}`}
              title="Find similar cases"
            >
              <Icon name="similar" />
            </Link>
            <AddToCollection caseId={hit.case_id} title={hit.title} compact />
          </div>
        </footer>
      </div>
    </article>
  );
});

/** Cases that have the same picture and are counted here. */
function Duplicates({ ids }: { ids: string[] }) {
  if (ids.length === 0) return null;
  return (
    <details className="duplicates">
      <summary>The same picture in {counted(ids.length, "other case")}</summary>
      <ul>
        {ids.map((id) => (
          <li key={id}>
            <Link href={`/case/${encodeURIComponent(id)}`}>{id}</Link>
          </li>
        ))}
      </ul>
    </details>
  );
}

/** What the cosine means: against pairs of pictures of different patients. */
function similarityMeaning({ nearer_than }: Hit): string {
  const best = "Best cosine similarity between a picture of the case and the query";
  if (nearer_than == null) return best;
  const share = Math.floor(nearer_than * 1000) / 10;
  return `${best}; nearer than ${share} % of random pairs of different patients`;
}
