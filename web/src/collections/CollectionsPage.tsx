// All collections, and the making of one.

import { type FormEvent, useState } from "react";
import { api } from "../api/client";
import { counted } from "../app/format";
import { useLoad } from "../app/load";
import { Link, navigate } from "../app/router";
import { useService } from "../app/service";
import { toastError } from "../app/toasts";
import { Dialog } from "../ui/dialog";
import { Icon } from "../ui/icons";
import { Failure } from "../ui/parts";

const day = (stamp: string | null | undefined): string => (stamp ? stamp.slice(0, 10) : "");

export function CollectionsPage() {
  const { can } = useService();
  const { data, error, loading, reload } = useLoad("collections", (signal) => api.collections(signal));
  const [making, setMaking] = useState(false);
  return (
    <main className="page" id="main">
      <header className="page-head">
        <h1>Collections</h1>
        {can("curator") && (
          <button type="button" className="button button-primary" onClick={() => setMaking(true)}>
            <Icon name="plus" /> New collection
          </button>
        )}
      </header>
      {error && <Failure error={error} onRetry={reload} />}
      {!data && loading && <div className="skeleton skeleton-block" />}
      {data?.length === 0 && (
        <div className="empty">
          <h2>No collection yet</h2>
          <p>
            A collection keeps cases for a talk, a tumour board or a study: with notes, in your order, as a
            table.
          </p>
        </div>
      )}
      {data && data.length > 0 && (
        <ul className="rows">
          {data.map((collection) => (
            <li key={collection.id}>
              <Link className="row" href={`/collections/${encodeURIComponent(collection.id)}`}>
                <Icon name="folder" />
                <span className="row-main">
                  <strong>{collection.name}</strong>
                </span>
                <span className="row-count">{counted(collection.cases, "case")}</span>
                <time className="row-date">{day(collection.updated)}</time>
              </Link>
            </li>
          ))}
        </ul>
      )}
      {making && <MakeCollection onClose={() => setMaking(false)} />}
    </main>
  );
}

function MakeCollection({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState("");
  const make = async (event: FormEvent) => {
    event.preventDefault();
    try {
      const made = await api.makeCollection(name.trim());
      navigate(`/collections/${encodeURIComponent(made.id)}`);
    } catch (cause) {
      toastError(cause);
    }
  };
  return (
    <Dialog title="New collection" onClose={onClose}>
      <form className="form" onSubmit={(event) => void make(event)}>
        <label className="field">
          <span>Name</span>
          <input
            type="text"
            value={name}
            required
            maxLength={200}
            placeholder="Tumour board, week 8"
            onChange={(event) => setName(event.target.value)}
          />
        </label>
        <div className="form-foot">
          <button type="button" className="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" className="button button-primary" disabled={!name.trim()}>
            Make collection
          </button>
        </div>
      </form>
    </Dialog>
  );
}
