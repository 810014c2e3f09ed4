// An answer: filters on the left, cases in the middle, votes and summary on the right.

import { lazy, Suspense, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { api } from "../api/client";
import type { Hit, HitView, SearchAnswer } from "../api/types";
import { toggleValue } from "../app/filters";
import { count, counted, duration, took } from "../app/format";
import { useShortcuts } from "../app/keyboard";
import { Recent, useLoad } from "../app/load";
import { EMPTY_QUERY, formatQuery, type PageQuery, queryHref, toRequest, withMark } from "../app/query-url";
import { leaveTo, navigate } from "../app/router";
import { isBusy, useService } from "../app/service";
import { Icon } from "../ui/icons";
import { Failure, Notice } from "../ui/parts";
import { FilterChips, Filters } from "./Filters";
import { HitCard, hitElementId } from "./HitCard";
import { Marks } from "./Marks";
import { SummaryPanel } from "./SummaryPanel";
import { Votes } from "./Votes";

const ViewerOverlay = lazy(() => import("../viewer/ViewerOverlay"));

const answers = new Recent<SearchAnswer>(20);
const MORE_STEP = 30;
const MOST = 200;
const DEFAULT_TOP = 20;

let appliedWhenAnswered: number | undefined;

/** Forgets remembered answers once the index has moved on. */
function useFreshAnswers(applied: number | undefined): void {
  useEffect(() => {
    if (applied === undefined || applied === appliedWhenAnswered) return;
    if (appliedWhenAnswered !== undefined) answers.clear();
    appliedWhenAnswered = applied;
  }, [applied]);
}

export function SearchPage({ query }: { query: PageQuery }) {
  const request = useMemo(() => toRequest(query), [query]);
  const key = formatQuery({ ...query, open: null, browse: false });
  const { data, error, loading, reload } = useLoad(key, (signal) => api.search(request, signal), answers);
  useFreshAnswers(useService().status?.index.applied);
  const [filtersOpen, setFiltersOpen] = useState(false);
  const hits = data?.hits ?? [];
  const change = useCallback(
    (part: Partial<PageQuery>) =>
      navigate(queryHref({ ...query, open: null, ...part }), { keepScroll: true }),
    [query],
  );
  const open = (view: HitView, beside?: boolean) =>
    navigate(queryHref({ ...query, open: { image: view.image_id, frame: view.frame, beside } }), {
      keepScroll: true,
    });
  const { selected, setSelected, cards, reveal } = useSelection(hits, query.open === null, (hit) => {
    const view = hit.views[0];
    if (view) open(view);
    else navigate(`/case/${encodeURIComponent(hit.case_id)}`);
  });

  return (
    <main className="results" id="main">
      <aside className={filtersOpen ? "side side-open" : "side"} aria-label="Filters">
        <button
          type="button"
          className="button side-toggle"
          aria-expanded={filtersOpen}
          onClick={() => setFiltersOpen(!filtersOpen)}
        >
          <Icon name="filter" />
          Filters{query.filters.length > 0 && ` (${query.filters.length})`}
        </button>
        <div className="side-body">
          {data ? (
            <Filters query={query} facets={data.facets} over={data.facets_over} onChange={change} />
          ) : (
            !error && <div className="skeleton skeleton-side" />
          )}
        </div>
      </aside>
      <div className="centre">
        <AnswerHead answer={data} loading={loading} />
        <FilterChips filters={query.filters} onChange={(filters) => change({ filters })} />
        <Marks query={query} marks={data?.marks ?? []} onChange={change} />
        {data && !error && <AnswerNotices answer={data} />}
        {error && (
          <Failure error={error} onRetry={reload}>
            {query.images.some(({ image_id }) => image_id.startsWith("q-")) && (
              <button
                type="button"
                className="button button-small"
                onClick={() =>
                  change({ images: query.images.filter(({ image_id }) => !image_id.startsWith("q-")) })
                }
              >
                Search without the uploaded picture
              </button>
            )}
          </Failure>
        )}
        {!data && loading && <Skeletons />}
        {data && !loading && hits.length === 0 && (
          <NoMatch query={query} refused={data.no_match ?? false} onChange={change} />
        )}
        <div className={loading && data ? "hits hits-stale" : "hits"} aria-busy={loading}>
          {hits.map((hit, at) => (
            <HitCard
              key={hit.case_id}
              ref={(element) => {
                if (element) cards.current.set(hit.case_id, element);
                else cards.current.delete(hit.case_id);
              }}
              hit={hit}
              selected={at === selected}
              standIn={data?.stand_in ?? false}
              onOpen={(view) => open(view)}
              onMark={(mark) => change(withMark(query, hit.case_id, mark))}
              onCompare={query.images.length > 0 ? (view) => open(view, true) : undefined}
              onSelect={() => setSelected(at)}
            />
          ))}
        </div>
        {data && hits.length >= (query.top ?? DEFAULT_TOP) && hits.length < MOST && (
          <button
            type="button"
            className="button more"
            disabled={loading}
            onClick={() => change({ top: Math.min(MOST, hits.length + MORE_STEP) })}
          >
            Show more cases
          </button>
        )}
      </div>
      <aside className="rail" id="across" aria-label="Across these cases">
        {data && hits.length > 0 && (
          <>
            <SummaryPanel key={key} request={request} cases={hits.length} onCite={reveal} />
            <Votes
              votes={data.votes}
              onLabel={(label) => change({ filters: toggleValue(query.filters, "label", label) })}
            />
          </>
        )}
      </aside>
      {query.open && (
        <Suspense
          fallback={<div className="viewer viewer-loading" role="status" aria-label="Opening the viewer" />}
        >
          <ViewerOverlay
            query={query}
            open={query.open}
            hits={hits}
            onClose={() => leaveTo(queryHref({ ...query, open: null }))}
          />
        </Suspense>
      )}
    </main>
  );
}

/** Which case the keyboard is on; `j` and `k` move, Enter opens. */
function useSelection(hits: Hit[], active: boolean, open: (hit: Hit) => void) {
  const [selected, setSelected] = useState(-1);
  const cards = useRef(new Map<string, HTMLElement>());
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new answer begins without a selection
  useEffect(() => setSelected(-1), [hits]);
  const select = (at: number) => {
    const hit = hits[at];
    if (!hit) return;
    setSelected(at);
    const card = cards.current.get(hit.case_id);
    card?.focus({ preventScroll: true });
    card?.scrollIntoView({ block: "nearest" });
  };
  const reveal = (caseId: string) => {
    const at = hits.findIndex((hit) => hit.case_id === caseId);
    select(at);
    document.getElementById(hitElementId(caseId))?.scrollIntoView({ block: "center" });
  };
  useShortcuts(
    {
      j: () => select(Math.min(hits.length - 1, selected + 1)),
      k: () => select(Math.max(0, selected - 1)),
      Enter: (event) => {
        const hit = hits[selected];
        const onControl =
          event.target instanceof Element && event.target.closest("a, button, input, summary");
        if (hit && !onControl) open(hit);
      },
      c: () => {
        const hit = hits[selected];
        if (hit) navigate(`/case/${encodeURIComponent(hit.case_id)}`);
      },
      s: () => {
        const hit = hits[selected];
        if (hit) navigate(queryHref({ ...EMPTY_QUERY, case: hit.case_id }));
      },
    },
    active,
  );
  return { selected, setSelected, cards, reveal };
}

function AnswerHead({ answer, loading }: { answer: SearchAnswer | null; loading: boolean }) {
  return (
    <header className="answer-head">
      <h1 aria-live="polite">{answer && !loading ? counted(answer.hits.length, "case") : "Searching…"}</h1>
      {answer && (
        <p className="page-note">
          of {count(answer.cases_searched)} searched · {took(answer.took_ms)}
          {!answer.complete && <span className="incomplete"> · not complete</span>}
        </p>
      )}
      {answer && answer.hits.length > 0 && (
        <button
          type="button"
          className="link to-across"
          onClick={() => document.getElementById("across")?.scrollIntoView()}
        >
          Labels, summary
        </button>
      )}
    </header>
  );
}

function AnswerNotices({ answer }: { answer: SearchAnswer }) {
  const { status } = useService();
  const busy = isBusy(status);
  const waiting = status ? status.jobs.queued + status.jobs.running : 0;
  return (
    <>
      {busy && status && (
        <Notice tone="warn">
          {Math.floor(status.coverage * 100)}% of the pictures can be found by picture;{" "}
          {counted(waiting, "picture")} still to encode
          {status.seconds_left != null && `, about ${duration(status.seconds_left)} left`}. Words already find
          every case.
        </Notice>
      )}
      {answer.notices.map((notice) => (
        <Notice key={notice} tone={answer.complete ? "info" : "warn"}>
          {notice}
        </Notice>
      ))}
    </>
  );
}

function Skeletons() {
  return (
    <div className="hits" aria-hidden="true">
      {[0, 1, 2, 3].map((at) => (
        <div key={at} className="hit hit-skeleton">
          <div className="skeleton hit-picture" />
          <div className="hit-body">
            <div className="skeleton skeleton-title" />
            <div className="skeleton skeleton-text" />
            <div className="skeleton skeleton-text" />
          </div>
        </div>
      ))}
    </div>
  );
}

interface NoMatchProps {
  query: PageQuery;
  /** The nearest were no better than chance and are not shown. */
  refused: boolean;
  onChange: (part: Partial<PageQuery>) => void;
}

function NoMatch({ query, refused, onChange }: NoMatchProps) {
  const pictures = query.images.length > 0 || query.case !== null || query.relevant.length > 0;
  if (refused) {
    return (
      <div className="empty">
        <h2>No good match</h2>
        <p>
          The nearest cases are less like this than cases of this library usually are like their nearest kin.
          They are not shown, because they would mean nothing.
        </p>
        <div className="empty-actions">
          <button type="button" className="button button-primary" onClick={() => onChange({ all: true })}>
            Show the nearest anyway
          </button>
          {query.filters.length > 0 && (
            <button type="button" className="button" onClick={() => onChange({ filters: [] })}>
              Remove the filters
            </button>
          )}
          {pictures && !query.anyModality && (
            <button type="button" className="button" onClick={() => onChange({ anyModality: true })}>
              Search pictures of every kind
            </button>
          )}
        </div>
      </div>
    );
  }
  return (
    <div className="empty">
      <h2>No case matches</h2>
      <p>
        {query.filters.length > 0
          ? "The filters may leave too little. Take them away, or ask for less at once."
          : "Try fewer or more general words, or search with a picture."}
      </p>
      <div className="empty-actions">
        {query.filters.length > 0 && (
          <button type="button" className="button button-primary" onClick={() => onChange({ filters: [] })}>
            Remove the filters
          </button>
        )}
        {pictures && !query.anyModality && (
          <button type="button" className="button" onClick={() => onChange({ anyModality: true })}>
            Search pictures of every kind
          </button>
        )}
        {query.ways.length > 0 && (
          <button type="button" className="button" onClick={() => onChange({ ways: [] })}>
            Use every way of finding
          </button>
        )}
        {query.text !== "" && (query.images.length > 0 || query.case !== null) && (
          <button type="button" className="button" onClick={() => onChange({ text: "" })}>
            Search without the words
          </button>
        )}
        <button
          type="button"
          className="button"
          onClick={() => navigate(queryHref({ ...EMPTY_QUERY, browse: true }))}
        >
          Browse all cases
        </button>
      </div>
    </div>
  );
}
