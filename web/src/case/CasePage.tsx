// One case: its pictures, its report, what is said of it, and what can be done with it.

import { lazy, Suspense, useState } from "react";
import { ApiError, api } from "../api/client";
import type { CaseRecord } from "../api/types";
import { counted, facts, isCell } from "../app/format";
import { useLoad } from "../app/load";
import { EMPTY_QUERY, queryHref } from "../app/query-url";
import { Link, navigate } from "../app/router";
import { useService } from "../app/service";
import { toast, toastError } from "../app/toasts";
import { AddToCollection } from "../collections/AddToCollection";
import { Confirm } from "../ui/dialog";
import { Icon } from "../ui/icons";
import { Failure, Labels, Notice } from "../ui/parts";
import { Report } from "./Report";

const CaseViewer = lazy(() => import("./CaseViewer"));

export function CasePage({ id }: { id: string }) {
  const { data, error, reload } = useLoad(`case ${id}`, (signal) => api.caseRecord(id, signal));
  if (error) {
    return (
      <main className="page" id="main">
        <Failure
          error={error}
          onRetry={error instanceof ApiError && error.status === 404 ? undefined : reload}
        >
          <Link className="button button-small" href="/">
            Search
          </Link>
        </Failure>
      </main>
    );
  }
  if (data?.case_id !== id) {
    return (
      <main className="page case" id="main">
        <div className="skeleton skeleton-title" />
        <div className="skeleton skeleton-block" />
      </main>
    );
  }
  return <Case key={id} record={data} reload={reload} />;
}

function Case({ record, reload }: { record: CaseRecord; reload: () => void }) {
  const failed = record.images.filter(({ state }) => state === "failed");
  return (
    <main className="page case" id="main">
      <header className="page-head">
        <div className="page-title">
          <h1>{record.title}</h1>
          <p className="facts">
            {facts(record).map((fact) => (
              <span key={fact}>{fact}</span>
            ))}
            {record.site && <span>{record.site}</span>}
            <span className="case-id">case {record.case_id}</span>
            {record.synthetic && <span className="drawn">drawn</span>}
          </p>
        </div>
        <Actions record={record} reload={reload} />
      </header>
      {[...new Map(record.conflicts.map(({ image_ids }) => [[...image_ids].sort().join(), image_ids]))].map(
        ([key, ids]) => (
          <Notice key={key} tone="warn">
            {counted(ids.length, "different picture")} carry the same SOP Instance UID. All are kept; at least
            one was changed without a new UID. Check at the source which is right.
          </Notice>
        ),
      )}
      {record.pending_images > 0 && (
        <Notice tone="warn">
          {counted(record.pending_images, "picture")} of this case cannot be found by picture yet: still to be
          encoded.{" "}
          <button type="button" className="link" onClick={reload}>
            Look again
          </button>
        </Notice>
      )}
      {failed.map((image) => (
        <Notice key={image.image_id} tone="warn">
          A picture could not be encoded: {image.reason ?? "no reason given"}
        </Notice>
      ))}
      <div className="case-columns">
        <div className="case-pictures">
          {record.images.length > 0 ? (
            <Suspense
              fallback={<div className="case-viewer" role="status" aria-label="Opening the viewer" />}
            >
              <CaseViewer images={record.images} />
            </Suspense>
          ) : (
            <p className="empty">This case has a report and no picture.</p>
          )}
        </div>
        <div className="case-words">
          {record.labels.length > 0 && (
            <section className="case-section">
              <h2>Labels</h2>
              <Labels labels={record.labels.filter((label) => !isCell(label))} most={40} />
              {record.labels.some(isCell) && (
                <details>
                  <summary>From the manifest</summary>
                  <ul className="muted">
                    {record.labels.filter(isCell).map((label) => (
                      <li key={label} style={{ overflowWrap: "anywhere" }}>
                        {label}
                      </li>
                    ))}
                  </ul>
                </details>
              )}
            </section>
          )}
          <Report report={record.report ?? null} />
          {record.collections.length > 0 && (
            <section className="case-section">
              <h2>In collections</h2>
              <ul className="labels">
                {record.collections.map(({ id, name }) => (
                  <li key={id}>
                    <Link className="label" href={`/collections/${encodeURIComponent(id)}`}>
                      {name}
                    </Link>
                  </li>
                ))}
              </ul>
            </section>
          )}
          <Identity caseId={record.case_id} />
        </div>
      </div>
    </main>
  );
}

function Actions({ record, reload }: { record: CaseRecord; reload: () => void }) {
  const { can, refresh } = useService();
  const [deleting, setDeleting] = useState(false);
  const remove = () =>
    api.deleteCase(record.case_id).then(() => {
      toast("The case is deleted");
      refresh();
      navigate("/", { replace: true });
    }, toastError);
  return (
    <div className="page-actions">
      <Link className="button button-primary" href={queryHref({ ...EMPTY_QUERY, case: record.case_id })}>
        <Icon name="similar" /> Find similar cases
      </Link>
      <AddToCollection caseId={record.case_id} title={record.title} onAdded={reload} />
      {can("admin") && (
        <button
          type="button"
          className="button button-icon"
          aria-label="Delete this case"
          title="Delete this case"
          onClick={() => setDeleting(true)}
        >
          <Icon name="trash" />
        </button>
      )}
      {deleting && (
        <Confirm
          title="Delete this case?"
          action="Delete for good"
          onClose={() => setDeleting(false)}
          onConfirm={() => void remove()}
        >
          <p>
            “{record.title}” with {counted(record.images.length, "picture")} and its report leaves the
            library, its indexes and{" "}
            {record.collections.length > 0
              ? counted(record.collections.length, "collection")
              : "every collection"}
            . This cannot be undone. Files that were read in place stay where they are.
          </p>
        </Confirm>
      )}
    </div>
  );
}

/** Accession and Study UID, for those who may see them, and only when asked for: looking is recorded. */
function Identity({ caseId }: { caseId: string }) {
  const { can } = useService();
  const [identity, setIdentity] = useState<{ accession?: string | null; study_uid?: string | null } | null>(
    null,
  );
  if (!can("curator")) return null;
  return (
    <section className="case-section">
      <h2>Identity</h2>
      {identity ? (
        <dl className="identity">
          <dt>Accession</dt>
          <dd>{identity.accession ?? "–"}</dd>
          <dt>Study UID</dt>
          <dd>{identity.study_uid ?? "–"}</dd>
        </dl>
      ) : (
        <button
          type="button"
          className="button button-small"
          onClick={() => void api.caseIdentity(caseId).then(setIdentity, toastError)}
        >
          Show accession and Study UID
        </button>
      )}
    </section>
  );
}
