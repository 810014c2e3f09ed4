// The frame of the page: which place shows what, and what every place has.

import { useEffect, useMemo, useState } from "react";
import { CasePage } from "../case/CasePage";
import { CollectionPage } from "../collections/CollectionPage";
import { CollectionsPage } from "../collections/CollectionsPage";
import { Browse } from "../search/Browse";
import { QueryPictureProvider } from "../search/query-pictures";
import { focusSearch } from "../search/SearchBox";
import { SearchPage } from "../search/SearchPage";
import { Start } from "../search/Start";
import { Header, StandInNotice } from "./Header";
import { Help } from "./Help";
import { useShortcuts } from "./keyboard";
import { Launch } from "./Launch";
import { EMPTY_QUERY, hasQuestion, isStart, type PageQuery, parseQuery } from "./query-url";
import { Link, type Place, usePlace } from "./router";
import { SignIn } from "./SignIn";
import { ServiceProvider, useService } from "./service";
import { Toasts } from "./toasts";

type Route =
  | { at: "search"; query: PageQuery }
  | { at: "case"; id: string }
  | { at: "collections" }
  | { at: "collection"; id: string }
  | { at: "launch"; by: "study" | "accession"; value: string }
  | { at: "nowhere" };

export function routeOf({ pathname, search }: Place): Route {
  const [first = "", second, ...rest] = pathname.split("/").filter(Boolean).map(decodePart);
  if (rest.length > 0) return { at: "nowhere" };
  if (first === "case" && second) return { at: "case", id: second };
  if (first === "collections") return second ? { at: "collection", id: second } : { at: "collections" };
  if (first !== "") return { at: "nowhere" };
  const params = new URLSearchParams(search);
  for (const by of ["study", "accession"] as const) {
    const value = params.get(by);
    if (value) return { at: "launch", by, value };
  }
  return { at: "search", query: parseQuery(search) };
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function Content({ route }: { route: Route }) {
  switch (route.at) {
    case "case":
      return <CasePage id={route.id} />;
    case "collections":
      return <CollectionsPage />;
    case "collection":
      return <CollectionPage id={route.id} />;
    case "launch":
      return <Launch by={route.by} value={route.value} />;
    case "nowhere":
      return (
        <main className="page" id="main">
          <div className="empty">
            <h2>Nothing is here</h2>
            <Link className="button" href="/">
              To the start
            </Link>
          </div>
        </main>
      );
    case "search":
      if (isStart(route.query)) return <Start />;
      return hasQuestion(route.query) ? <SearchPage query={route.query} /> : <Browse query={route.query} />;
  }
}

function titleOf(route: Route): string {
  if (route.at === "collections" || route.at === "collection") return "Collections · casekin";
  if (route.at === "case") return "Case · casekin";
  // The words of a query stay out of the title: titles end up in histories and on shared screens.
  return route.at === "search" && !isStart(route.query) ? "Search · casekin" : "casekin";
}

function Frame() {
  const place = usePlace();
  const route = useMemo(() => routeOf(place), [place]);
  const [help, setHelp] = useState(false);
  const { locked, session, error } = useService();
  useEffect(() => {
    document.title = titleOf(route);
  }, [route]);
  useShortcuts({
    "/": (event) => {
      event.preventDefault();
      focusSearch();
    },
    "?": () => setHelp(true),
  });
  const query = route.at === "search" ? route.query : EMPTY_QUERY;
  const start = route.at === "search" && isStart(route.query);
  const ready = (session !== null && !locked) || error !== null;
  return (
    <QueryPictureProvider active={ready}>
      <StandInNotice />
      <Header query={query} start={start} onHelp={() => setHelp(true)} />
      {ready ? <Content route={route} /> : <main id="main" className="page" />}
      <footer className="footer">
        <span>For research and teaching. Not a medical device; not for diagnosis or treatment.</span>
        <Version />
      </footer>
      {locked && <SignIn />}
      {help && <Help onClose={() => setHelp(false)} />}
      <Toasts />
    </QueryPictureProvider>
  );
}

function Version() {
  const { status } = useService();
  if (!status) return null;
  return (
    <span className="footer-version">
      casekin {status.version}
      {status.model && (
        <span title={status.model.id}>
          {" "}
          · {status.model.name} <code>{status.model.id.slice(0, 8)}</code>
        </span>
      )}
    </span>
  );
}

export function App() {
  return (
    <ServiceProvider>
      <Frame />
    </ServiceProvider>
  );
}
