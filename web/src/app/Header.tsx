// The top of every page: home, search, collections, how the library stands, theme and help.

import { useState } from "react";
import { api } from "../api/client";
import { IngestDialog } from "../ingest/IngestDialog";
import { SearchBox } from "../search/SearchBox";
import { Icon, Mark } from "../ui/icons";
import { count, counted, percent } from "./format";
import type { PageQuery } from "./query-url";
import { Link } from "./router";
import { isBusy, useService } from "./service";
import { useTheme } from "./theme";
import { toastError } from "./toasts";

interface HeaderProps {
  query: PageQuery;
  start: boolean;
  onHelp: () => void;
}

export function Header({ query, start, onHelp }: HeaderProps) {
  const { can, session, setSession, locked } = useService();
  const { dark, toggle } = useTheme();
  const [adding, setAdding] = useState(false);
  const signOut = () =>
    void api.signOut().then(() => setSession({ auth_required: true, role: null }), toastError);
  return (
    <header className={start ? "header header-start" : "header"}>
      <a className="skip" href="#main">
        Skip to the content
      </a>
      <Link className="brand" href="/" aria-label="casekin: start">
        <Mark />
        <span>casekin</span>
      </Link>
      <div className="header-search">{!start && <SearchBox query={query} />}</div>
      <nav className="header-tools" aria-label="Tools">
        <LibraryPill />
        <Link className="button button-quiet" href="/collections">
          <Icon name="folder" /> <span className="tool-word">Collections</span>
        </Link>
        {!locked && can("curator") && (
          <button type="button" className="button button-quiet" onClick={() => setAdding(true)}>
            <Icon name="upload" /> <span className="tool-word">Add files</span>
          </button>
        )}
        <button
          type="button"
          className="button button-quiet button-icon"
          aria-label={dark ? "Light theme" : "Dark theme"}
          title={dark ? "Light theme" : "Dark theme"}
          onClick={toggle}
        >
          <Icon name={dark ? "sun" : "moon"} />
        </button>
        <button
          type="button"
          className="button button-quiet button-icon help-button"
          aria-label="Keyboard and help"
          title="Help (?)"
          onClick={onHelp}
        >
          <Icon name="help" />
        </button>
        {session?.auth_required && session.role && (
          <button
            type="button"
            className="button button-quiet button-icon"
            aria-label="Sign out"
            title={`Signed in as ${session.role}. Sign out`}
            onClick={signOut}
          >
            <Icon name="exit" />
          </button>
        )}
      </nav>
      {adding && <IngestDialog onClose={() => setAdding(false)} />}
    </header>
  );
}

/** Coverage while work is under way, the number of cases when it is not. */
function LibraryPill() {
  const { status, error } = useService();
  if (error)
    return <span className="pill pill-bad">{error.status === 0 ? "not connected" : "status unknown"}</span>;
  if (!status) return null;
  if (isBusy(status)) {
    return (
      <span
        className="pill pill-busy"
        title={`${counted(status.jobs.queued + status.jobs.running, "picture")} to encode`}
      >
        <span className="spinner" /> {percent(status.coverage)} covered
      </span>
    );
  }
  return (
    <span
      className="pill"
      title={`${counted(status.images, "picture")}, model ${status.model?.name ?? "none"}`}
    >
      {count(status.cases)} cases
    </span>
  );
}

/** Always in sight while the demo model stands in for the real one. */
export function StandInNotice() {
  const { status } = useService();
  if (!status?.stand_in) return null;
  return (
    <p className="stand-in" role="note">
      <Icon name="alert" size={14} />
      <span>
        <strong>Demo model</strong>: knows drawn phantoms only; not for medical use
      </span>
    </p>
  );
}
