// The start page: one box, questions worth asking of this library, and how the library stands.

import { useMemo } from "react";
import { api } from "../api/client";
import type { CaseListItem } from "../api/types";
import { thumbnailUrl } from "../api/urls";
import { count, counted, duration, isCell, percent } from "../app/format";
import { useLoad } from "../app/load";
import { EMPTY_QUERY, queryHref } from "../app/query-url";
import { Link } from "../app/router";
import { isBusy, useService } from "../app/service";
import { Mark } from "../ui/icons";
import { Failure, Picture, Progress } from "../ui/parts";
import { SearchBox } from "./SearchBox";

const MOST_EXAMPLES = 6;

/** Labels as questions: of each modality the commonest, so that the examples show what the library holds. */
export function examplesOf(cases: CaseListItem[], most = MOST_EXAMPLES): string[] {
  const byModality = new Map<string, Map<string, number>>();
  for (const item of cases) {
    const tally = byModality.get(item.modalities[0] ?? "") ?? new Map<string, number>();
    byModality.set(item.modalities[0] ?? "", tally);
    for (const label of item.labels) {
      if (!isCell(label) && !/^(no |normal|benign$)/i.test(label))
        tally.set(label, (tally.get(label) ?? 0) + 1);
    }
  }
  const lists = [...byModality.values()].map((tally) =>
    [...tally].sort(([a, n], [b, m]) => m - n || a.localeCompare(b)).map(([label]) => label),
  );
  const examples: string[] = [];
  for (let round = 0; examples.length < most && lists.some((list) => round < list.length); round++) {
    for (const list of lists) {
      const label = list[round];
      if (label && !examples.includes(label) && examples.length < most) examples.push(label);
    }
  }
  return examples;
}

function LibraryLine() {
  const { status } = useService();
  if (!status) return <p className="library-line skeleton-line" />;
  const waiting = status.jobs.queued + status.jobs.running;
  return (
    <div className="library">
      <dl className="library-facts">
        <div>
          <dt>Cases</dt>
          <dd>{count(status.cases)}</dd>
        </div>
        <div>
          <dt>Pictures</dt>
          <dd>{count(status.images)}</dd>
        </div>
        <div title="Share of pictures that can be found by picture">
          <dt>Coverage</dt>
          <dd>{status.images > 0 ? percent(status.coverage) : "–"}</dd>
        </div>
        <div title={status.model ? `${status.model.id} · profile ${status.model.profile}` : undefined}>
          <dt>Model</dt>
          <dd className="library-model">{status.model?.name ?? "none: words only"}</dd>
        </div>
      </dl>
      {isBusy(status) && (
        <div className="library-progress">
          <Progress share={status.coverage} label="Pictures that can be found by picture" />
          <span>
            {counted(waiting, "picture")} to encode
            {status.seconds_left != null && `, about ${duration(status.seconds_left)} left`}
          </span>
        </div>
      )}
    </div>
  );
}

export function Start() {
  const { locked, session, error } = useService();
  const ready = session !== null && !locked;
  const { data } = useLoad(ready ? "start" : null, (signal) => api.cases(0, [], signal));
  const examples = useMemo(() => examplesOf(data?.cases ?? []), [data]);
  const shown = (data?.cases ?? []).filter((item) => item.thumbnail_image_id).slice(0, 8);
  return (
    <main className="start" id="main">
      <div className="start-main">
        <h1 className="start-title">
          <Mark /> casekin
        </h1>
        <p className="start-lead">Find the prior cases most like this one.</p>
        <SearchBox query={EMPTY_QUERY} large />
        {examples.length > 0 && (
          <p className="examples">
            <span>Try</span>
            {examples.map((example) => (
              <Link key={example} className="example" href={queryHref({ ...EMPTY_QUERY, text: example })}>
                {example}
              </Link>
            ))}
          </p>
        )}
        <p className="start-how">
          Drop or paste a picture anywhere. In the viewer, press <kbd>b</kbd> and draw a box to search a
          region.
        </p>
        {error && <Failure error={error} />}
      </div>
      {data && data.total === 0 && (
        <div className="empty">
          <h2>The library is empty</h2>
          <p>
            Add files from the top of the page, or on this machine: <code>casekin ingest FOLDER</code>
          </p>
        </div>
      )}
      {shown.length > 0 && (
        <section className="recent" aria-labelledby="recent-title">
          <header>
            <h2 id="recent-title">In this library</h2>
            <Link href={queryHref({ ...EMPTY_QUERY, browse: true })}>
              All {count(data?.total ?? 0)} cases
            </Link>
          </header>
          <ul>
            {shown.map((item) => (
              <li key={item.case_id}>
                <Link href={`/case/${encodeURIComponent(item.case_id)}`} className="recent-case">
                  <Picture src={thumbnailUrl(item.thumbnail_image_id ?? "")} alt="" />
                  <span>{item.title}</span>
                </Link>
              </li>
            ))}
          </ul>
        </section>
      )}
      <LibraryLine />
    </main>
  );
}
