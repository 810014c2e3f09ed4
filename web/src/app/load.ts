// Loading: one hook that fetches by key, aborts what is no longer wanted and keeps the last data in sight.

import { useCallback, useEffect, useState } from "react";
import { ApiError } from "../api/client";

export interface Loaded<T> {
  /** Data of this key, or of the key before while `loading`. */
  data: T | null;
  error: ApiError | null;
  loading: boolean;
  reload: () => void;
}

interface State<T> {
  key: string | null;
  data: T | null;
  error: ApiError | null;
  loading: boolean;
}

export function asApiError(cause: unknown): ApiError {
  if (cause instanceof ApiError) return cause;
  return new ApiError(0, "page_error", cause instanceof Error ? cause.message : String(cause), null);
}

/** A short memory of answers, so that going back shows at once what was there. */
export class Recent<T> {
  private readonly kept = new Map<string, T>();

  constructor(private readonly size: number) {}

  get(key: string): T | undefined {
    return this.kept.get(key);
  }

  put(key: string, value: T): void {
    this.kept.delete(key);
    this.kept.set(key, value);
    const oldest = this.kept.keys().next();
    if (this.kept.size > this.size && !oldest.done) this.kept.delete(oldest.value);
  }

  clear(): void {
    this.kept.clear();
  }
}

/** Loads by `key`; null loads nothing. `load` must depend on nothing but what `key` spells out. */
export function useLoad<T>(
  key: string | null,
  load: (signal: AbortSignal) => Promise<T>,
  recent?: Recent<T>,
): Loaded<T> {
  // What is remembered is there at once, so that the browser finds its scroll position again.
  const [state, setState] = useState<State<T>>(() => {
    const kept = key === null ? undefined : recent?.get(key);
    return { key, data: kept ?? null, error: null, loading: key !== null && kept === undefined };
  });
  const [turn, setTurn] = useState(0);

  // biome-ignore lint/correctness/useExhaustiveDependencies: `key` spells out what `load` depends on; `turn` reloads
  useEffect(() => {
    if (key === null) {
      setState({ key, data: null, error: null, loading: false });
      return;
    }
    const kept = recent?.get(key);
    if (kept !== undefined) {
      setState({ key, data: kept, error: null, loading: false });
      return;
    }
    const abort = new AbortController();
    setState((before) => ({ ...before, key, error: null, loading: true }));
    load(abort.signal).then(
      (data) => {
        if (abort.signal.aborted) return;
        recent?.put(key, data);
        setState({ key, data, error: null, loading: false });
      },
      (cause: unknown) => {
        if (!abort.signal.aborted) setState({ key, data: null, error: asApiError(cause), loading: false });
      },
    );
    return () => abort.abort();
  }, [key, turn]);

  const reload = useCallback(() => {
    recent?.clear();
    setTurn((before) => before + 1);
  }, [recent]);
  // Between a new key and its effect the old state must not pass for the new key's.
  const settled = state.key === key;
  return { ...state, error: settled ? state.error : null, loading: state.loading || !settled, reload };
}
