// Short messages at the foot of the page, with an undo where an action can be taken back.

import { useSyncExternalStore } from "react";
import { asApiError } from "./load";

interface Toast {
  id: number;
  text: string;
  tone: "plain" | "error";
  action?: { label: string; run: () => void };
}

const SHOWN_MS = 7000;
let toasts: Toast[] = [];
let nextId = 1;
const listeners = new Set<() => void>();

function set(next: Toast[]): void {
  toasts = next;
  for (const listener of listeners) listener();
}

const dismiss = (id: number) => set(toasts.filter((toast) => toast.id !== id));

export function toast(text: string, options: Partial<Pick<Toast, "tone" | "action">> = {}): void {
  const id = nextId++;
  set([...toasts.slice(-2), { id, text, tone: "plain", ...options }]);
  setTimeout(() => dismiss(id), SHOWN_MS);
}

/** Tells of a failed action in the service's own words. */
export function toastError(cause: unknown): void {
  const { message, requestId } = asApiError(cause);
  toast(requestId ? `${message} (request ${requestId})` : message, { tone: "error" });
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function Toasts() {
  const shown = useSyncExternalStore(subscribe, () => toasts);
  return (
    <section className="toasts" aria-label="Messages" aria-live="polite">
      {shown.map(({ id, text, tone, action }) => (
        <div key={id} className={`toast toast-${tone}`} role={tone === "error" ? "alert" : "status"}>
          <span>{text}</span>
          {action && (
            <button
              type="button"
              className="toast-action"
              onClick={() => {
                dismiss(id);
                action.run();
              }}
            >
              {action.label}
            </button>
          )}
          <button type="button" className="toast-close" aria-label="Dismiss" onClick={() => dismiss(id)}>
            ×
          </button>
        </div>
      ))}
    </section>
  );
}
