// Launch from another system by Study UID or accession number. The number leaves the address at once.

import { useEffect, useState } from "react";
import { type ApiError, api } from "../api/client";
import { Failure } from "../ui/parts";
import { asApiError } from "./load";
import { Link, navigate } from "./router";

export function Launch({ by, value }: { by: "study" | "accession"; value: string }) {
  const [caseIds, setCaseIds] = useState<string[] | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  useEffect(() => {
    let current = true;
    api.launch(by, value).then(
      ({ case_ids }) => {
        const [only] = case_ids;
        if (!current) return;
        if (only && case_ids.length === 1) navigate(`/case/${encodeURIComponent(only)}`, { replace: true });
        else setCaseIds(case_ids);
      },
      (cause: unknown) => current && setError(asApiError(cause)),
    );
    return () => {
      current = false;
    };
  }, [by, value]);

  const what = by === "study" ? "Study Instance UID" : "accession number";
  return (
    <main className="page" id="main">
      {error && (
        <Failure error={error}>
          <Link className="button button-small" href="/">
            Search
          </Link>
        </Failure>
      )}
      {!error && !caseIds && <p role="status">Looking for the case…</p>}
      {caseIds?.length === 0 && (
        <div className="empty">
          <h2>No case with this {what}</h2>
          <p>It may not have been ingested yet, or its identifiers were not in the files.</p>
          <Link className="button button-primary" href="/">
            Search instead
          </Link>
        </div>
      )}
      {caseIds && caseIds.length > 1 && (
        <>
          <h1>Several cases carry this {what}</h1>
          <ul className="rows">
            {caseIds.map((id) => (
              <li key={id}>
                <Link className="row" href={`/case/${encodeURIComponent(id)}`}>
                  case {id}
                </Link>
              </li>
            ))}
          </ul>
        </>
      )}
    </main>
  );
}
