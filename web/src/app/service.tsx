// What the page knows of the service: who is signed in, and how the library stands.

import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useState } from "react";
import { type ApiError, api } from "../api/client";
import type { Role, Session, Status } from "../api/types";
import { asApiError } from "./load";

interface Service {
  session: Session | null;
  status: Status | null;
  error: ApiError | null;
  /** True where a token must be given before anything else. */
  locked: boolean;
  can: (role: Role) => boolean;
  setSession: (session: Session) => void;
  refresh: () => void;
}

const BUSY_MS = 3000;
const CALM_MS = 30000;
const RANKS: Record<Role, number> = { reader: 1, curator: 2, admin: 3 };

const Context = createContext<Service | null>(null);

export const isBusy = (status: Status | null): boolean =>
  status !== null && (status.jobs.queued + status.jobs.running > 0 || status.reencode != null);

export function ServiceProvider({ children }: { children: ReactNode }) {
  const [session, setSession] = useState<Session | null>(null);
  const [status, setStatus] = useState<Status | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const [turn, setTurn] = useState(0);
  const locked = session?.auth_required === true && !session.role;

  useEffect(() => {
    api.session().then(setSession, (cause: unknown) => setError(asApiError(cause)));
  }, []);

  const busy = isBusy(status);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `turn` asks anew
  useEffect(() => {
    if (session === null || locked) return;
    const abort = new AbortController();
    const ask = () => {
      if (document.hidden) return;
      api.status(abort.signal).then(
        (next) => {
          setStatus(next);
          setError(null);
        },
        (cause: unknown) => !abort.signal.aborted && setError(asApiError(cause)),
      );
    };
    ask();
    const timer = setInterval(ask, busy ? BUSY_MS : CALM_MS);
    return () => {
      abort.abort();
      clearInterval(timer);
    };
  }, [session, locked, busy, turn]);

  const can = useCallback(
    (role: Role) => {
      if (!session) return false;
      if (!session.auth_required) return true;
      return session.role != null && RANKS[session.role] >= RANKS[role];
    },
    [session],
  );
  const refresh = useCallback(() => setTurn((before) => before + 1), []);
  const value = useMemo(
    () => ({ session, status, error, locked, can, setSession, refresh }),
    [session, status, error, locked, can, refresh],
  );
  return <Context.Provider value={value}>{children}</Context.Provider>;
}

export function useService(): Service {
  const service = useContext(Context);
  if (!service) throw new Error("useService outside of ServiceProvider");
  return service;
}
