// One collection: its cases in order, a note each, moved by drag or keys, removed with an undo, exported as CSV.

import { type DragEvent, type KeyboardEvent, useEffect, useState } from "react";
import { api, collectionCsvUrl } from "../api/client";
import type { CollectionDetail, CollectionItem } from "../api/types";
import { thumbnailUrl } from "../api/urls";
import { counted } from "../app/format";
import { useLoad } from "../app/load";
import { Link, navigate } from "../app/router";
import { useService } from "../app/service";
import { toast, toastError } from "../app/toasts";
import { Confirm } from "../ui/dialog";
import { Icon } from "../ui/icons";
import { Failure, Labels, Picture } from "../ui/parts";
import { moved } from "./order";

export function CollectionPage({ id }: { id: string }) {
  const { data, error, reload } = useLoad(`collection ${id}`, (signal) => api.collection(id, signal));
  if (error) {
    return (
      <main className="page" id="main">
        <Failure error={error} onRetry={reload}>
          <Link className="button button-small" href="/collections">
            All collections
          </Link>
        </Failure>
      </main>
    );
  }
  if (!data) {
    return (
      <main className="page" id="main">
        <div className="skeleton skeleton-block" />
      </main>
    );
  }
  return <Detail key={data.id} collection={data} reload={reload} />;
}

function Detail({ collection, reload }: { collection: CollectionDetail; reload: () => void }) {
  const { can } = useService();
  const curator = can("curator");
  const [items, setItems] = useState(collection.items ?? []);
  const [dragged, setDragged] = useState<number | null>(null);
  const [deleting, setDeleting] = useState(false);
  useEffect(() => setItems(collection.items ?? []), [collection.items]);

  const fail = (cause: unknown) => {
    toastError(cause);
    reload();
  };
  const move = (from: number, to: number) => {
    const item = items[from];
    if (!item || to < 0 || to >= items.length || from === to) return;
    setItems(moved(items, from, to));
    api.changeItem(collection.id, item.case_id, { position: to }).catch(fail);
  };
  const restore = async (item: CollectionItem, at: number) => {
    await api.addToCollection(collection.id, item.case_id, item.note ?? undefined);
    await api.changeItem(collection.id, item.case_id, { position: at });
    reload();
  };
  const remove = (at: number) => {
    const item = items[at];
    if (!item) return;
    setItems(items.filter((other) => other !== item));
    api.removeItem(collection.id, item.case_id).then(
      () =>
        toast(`Removed “${item.title}”`, {
          action: { label: "Undo", run: () => void restore(item, at).catch(fail) },
        }),
      fail,
    );
  };
  const annotate = (item: CollectionItem, note: string) => {
    if (note === (item.note ?? "")) return;
    setItems(items.map((other) => (other.case_id === item.case_id ? { ...other, note } : other)));
    api.changeItem(collection.id, item.case_id, { note }).catch(fail);
  };
  const dropOn = (event: DragEvent, to: number) => {
    event.preventDefault();
    if (dragged !== null) move(dragged, to);
    setDragged(null);
  };

  return (
    <main className="page" id="main">
      <p className="crumbs">
        <Link href="/collections">Collections</Link>
      </p>
      <header className="page-head">
        <div className="page-title">
          <Editable
            label="Name of the collection"
            value={collection.name}
            editable={curator}
            onChange={(name) => name && api.renameCollection(collection.id, name).then(reload, fail)}
            className="title-input"
          />
          <p className="page-note">{counted(items.length, "case")}</p>
        </div>
        <div className="page-actions">
          <a className="button" href={collectionCsvUrl(collection.id)} download>
            <Icon name="download" /> Export CSV
          </a>
          {curator && (
            <button
              type="button"
              className="button button-icon"
              aria-label="Delete the collection"
              title="Delete the collection"
              onClick={() => setDeleting(true)}
            >
              <Icon name="trash" />
            </button>
          )}
        </div>
      </header>
      {items.length === 0 ? (
        <div className="empty">
          <h2>Nothing here yet</h2>
          <p>Add cases from a search or from a case page.</p>
        </div>
      ) : (
        <ol className="items" aria-label={counted(items.length, "case")}>
          {items.map((item, at) => (
            <li
              key={item.case_id}
              className={dragged === at ? "item item-dragged" : "item"}
              onDragOver={(event) => dragged !== null && event.preventDefault()}
              onDrop={(event) => dropOn(event, at)}
            >
              <Item
                item={item}
                at={at}
                last={at === items.length - 1}
                curator={curator}
                onDrag={setDragged}
                onMove={(to) => move(at, to)}
                onNote={(note) => annotate(item, note)}
                onRemove={() => remove(at)}
              />
            </li>
          ))}
        </ol>
      )}
      {deleting && (
        <Confirm
          title="Delete this collection?"
          action="Delete collection"
          onClose={() => setDeleting(false)}
          onConfirm={() =>
            void api.deleteCollection(collection.id).then(() => navigate("/collections"), fail)
          }
        >
          <p>
            “{collection.name}” and its notes go. The {counted(items.length, "case")} in it stay in the
            library.
          </p>
        </Confirm>
      )}
    </main>
  );
}

interface ItemProps {
  item: CollectionItem;
  at: number;
  last: boolean;
  curator: boolean;
  onDrag: (at: number | null) => void;
  onMove: (to: number) => void;
  onNote: (note: string) => void;
  onRemove: () => void;
}

function Item({ item, at, last, curator, onDrag, onMove, onNote, onRemove }: ItemProps) {
  return (
    <>
      {curator && (
        <span
          className="item-grip"
          draggable
          aria-hidden="true"
          onDragStart={(event) => {
            event.dataTransfer.effectAllowed = "move";
            event.dataTransfer.setData("text/plain", item.title);
            onDrag(at);
          }}
          onDragEnd={() => onDrag(null)}
        >
          <Icon name="grip" />
        </span>
      )}
      <Link
        className="item-picture"
        href={`/case/${encodeURIComponent(item.case_id)}`}
        tabIndex={-1}
        aria-hidden="true"
      >
        {item.thumbnail_image_id ? (
          <Picture src={thumbnailUrl(item.thumbnail_image_id)} alt="" />
        ) : (
          <span className="picture picture-missing">report</span>
        )}
      </Link>
      <div className="item-main">
        <Link className="item-title" href={`/case/${encodeURIComponent(item.case_id)}`}>
          {item.title}
        </Link>
        <Labels labels={item.labels} most={5} />
        <Editable
          label={`Note on ${item.title}`}
          value={item.note ?? ""}
          editable={curator}
          placeholder="Add a note"
          onChange={onNote}
          className="note-input"
        />
      </div>
      {curator && (
        <div className="item-actions">
          <button
            type="button"
            className="button button-quiet button-icon"
            disabled={at === 0}
            aria-label={`Move ${item.title} up`}
            onClick={() => onMove(at - 1)}
          >
            <Icon name="up" />
          </button>
          <button
            type="button"
            className="button button-quiet button-icon"
            disabled={last}
            aria-label={`Move ${item.title} down`}
            onClick={() => onMove(at + 1)}
          >
            <Icon name="down" />
          </button>
          <button
            type="button"
            className="button button-quiet button-icon"
            aria-label={`Remove ${item.title}`}
            title="Remove"
            onClick={onRemove}
          >
            <Icon name="close" />
          </button>
        </div>
      )}
    </>
  );
}

interface EditableProps {
  label: string;
  value: string;
  editable: boolean;
  placeholder?: string;
  className: string;
  onChange: (value: string) => void;
}

/** A line of text that is an input when one goes to it; Enter or leaving keeps, Escape takes back. */
function Editable({ label, value, editable, placeholder, className, onChange }: EditableProps) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  if (!editable) return value ? <p className={className}>{value}</p> : null;
  const onKeyDown = (event: KeyboardEvent<HTMLInputElement>) => {
    if (event.key === "Enter") event.currentTarget.blur();
    if (event.key === "Escape") {
      setText(value);
      event.stopPropagation();
    }
  };
  return (
    <input
      type="text"
      className={className}
      aria-label={label}
      placeholder={placeholder}
      value={text}
      maxLength={2000}
      onChange={(event) => setText(event.target.value)}
      onKeyDown={onKeyDown}
      onBlur={() => text.trim() !== value && onChange(text.trim())}
    />
  );
}
