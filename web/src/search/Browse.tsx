// The library without a question: cases in order, page by page, narrowed by filters.

import { useState } from "react";
import { api } from "../api/client";
import { thumbnailUrl } from "../api/urls";
import { counted, facts } from "../app/format";
import { useLoad } from "../app/load";
import { type PageQuery, queryHref } from "../app/query-url";
import { Link, navigate } from "../app/router";
import { Failure, Labels, Picture } from "../ui/parts";
import { FilterChips } from "./Filters";

export function Browse({ query }: { query: PageQuery }) {
  const filterKey = query.filters.join("\n");
  const [at, setAt] = useState({ filterKey, page: 0 });
  const page = at.filterKey === filterKey ? at.page : 0;
  const { data, error, loading, reload } = useLoad(`${page}\n${filterKey}`, (signal) =>
    api.cases(page, query.filters, signal),
  );
  const turn = (by: number) => {
    setAt({ filterKey, page: page + by });
    window.scrollTo(0, 0);
  };
  const perPage = Math.max(1, data?.cases.length ?? 1);
  const first = page === 0 ? 1 : (data?.total ?? 0) > 0 ? page * perPage + 1 : 0;
  const more = data ? data.cases.length > 0 && (page + 1) * perPage < data.total : false;
  return (
    <main className="browse" id="main">
      <header className="page-head">
        <h1>{query.filters.length > 0 ? "Filtered cases" : "All cases"}</h1>
        {data && <p className="page-note">{counted(data.total, "case")}</p>}
      </header>
      <FilterChips
        filters={query.filters}
        onChange={(filters) => navigate(queryHref({ ...query, filters, browse: true }))}
      />
      {error && <Failure error={error} onRetry={reload} />}
      {data?.total === 0 && !loading && <p className="empty">No case passes these filters.</p>}
      <ul className={loading ? "grid grid-stale" : "grid"} aria-busy={loading}>
        {(data?.cases ?? []).map((item) => (
          <li key={item.case_id} className="tile">
            <Link href={`/case/${encodeURIComponent(item.case_id)}`} className="tile-link">
              {item.thumbnail_image_id ? (
                <Picture src={thumbnailUrl(item.thumbnail_image_id)} alt="" />
              ) : (
                <span className="picture picture-missing">report only</span>
              )}
              {item.images > 1 && <span className="tile-count">{item.images}</span>}
              <h2>{item.title}</h2>
            </Link>
            <p className="facts">
              {facts(item).map((fact) => (
                <span key={fact}>{fact}</span>
              ))}
            </p>
            <Labels labels={item.labels} most={3} />
          </li>
        ))}
      </ul>
      {data && (page > 0 || more) && (
        <nav className="pages" aria-label="Pages">
          <button type="button" className="button" disabled={page === 0} onClick={() => turn(-1)}>
            Previous
          </button>
          <span>
            {first}–{first + data.cases.length - 1} of {data.total}
          </span>
          <button type="button" className="button" disabled={!more} onClick={() => turn(1)}>
            Next
          </button>
        </nav>
      )}
    </main>
  );
}
