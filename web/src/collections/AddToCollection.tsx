// "Add to collection": pick one or make one, with an undo.

import { type FormEvent, useState } from "react";
import { api } from "../api/client";
import type { Collection } from "../api/types";
import { counted } from "../app/format";
import { useLoad } from "../app/load";
import { useService } from "../app/service";
import { toast, toastError } from "../app/toasts";
import { Icon } from "../ui/icons";
import { Popover } from "../ui/popover";

interface AddProps {
  caseId: string;
  title: string;
  compact?: boolean;
  onAdded?: () => void;
}

export function AddToCollection({ caseId, title, compact, onAdded }: AddProps) {
  const { can } = useService();
  if (!can("curator")) return null;
  return (
    <Popover
      label={compact ? `Add ${title} to a collection` : "Add to collection"}
      align="end"
      buttonClass={compact ? "button button-quiet button-icon" : "button"}
      button={
        <>
          <Icon name="folder" />
          {!compact && "Add to collection"}
        </>
      }
    >
      {(close) => <Picker caseId={caseId} onAdded={onAdded} close={close} />}
    </Popover>
  );
}

function Picker({ caseId, onAdded, close }: { caseId: string; onAdded?: () => void; close: () => void }) {
  const { data, error } = useLoad("collections", (signal) => api.collections(signal));
  const [name, setName] = useState("");

  const add = async (collection: Pick<Collection, "id" | "name">) => {
    try {
      await api.addToCollection(collection.id, caseId);
      toast(`Added to “${collection.name}”`, {
        action: {
          label: "Undo",
          run: () => void api.removeItem(collection.id, caseId).then(() => onAdded?.(), toastError),
        },
      });
      onAdded?.();
      close();
    } catch (cause) {
      toastError(cause);
    }
  };
  const make = async (event: FormEvent) => {
    event.preventDefault();
    if (!name.trim()) return;
    try {
      await add(await api.makeCollection(name.trim()));
    } catch (cause) {
      toastError(cause);
    }
  };
  return (
    <div className="picker">
      {error && <p className="picker-note">{error.message}</p>}
      {data && data.length > 0 && (
        <ul>
          {data.map((collection) => (
            <li key={collection.id}>
              <button type="button" onClick={() => void add(collection)}>
                <span>{collection.name}</span>
                <small>{counted(collection.cases, "case")}</small>
              </button>
            </li>
          ))}
        </ul>
      )}
      <form onSubmit={(event) => void make(event)}>
        <input
          type="text"
          value={name}
          placeholder="New collection"
          aria-label="Name of a new collection"
          maxLength={200}
          onChange={(event) => setName(event.target.value)}
        />
        <button type="submit" className="button button-small" disabled={!name.trim()}>
          Make
        </button>
      </form>
    </div>
  );
}
