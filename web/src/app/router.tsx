// The address of the page as state. The History API is all a page with four routes needs.

import { type AnchorHTMLAttributes, type MouseEvent, useSyncExternalStore } from "react";

export interface Place {
  pathname: string;
  search: string;
}

const listeners = new Set<() => void>();
let place: Place = read();

function read(): Place {
  return { pathname: window.location.pathname, search: window.location.search };
}

function changed(): void {
  place = read();
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  if (listeners.size === 0) window.addEventListener("popstate", changed);
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) window.removeEventListener("popstate", changed);
  };
}

export const usePlace = (): Place => useSyncExternalStore(subscribe, () => place);

export function navigate(href: string, { replace = false, keepScroll = false } = {}): void {
  if (href === place.pathname + place.search) return;
  if (replace) window.history.replaceState(window.history.state, "", href);
  // A place that the page itself was led to can be left by going back; see closeOverlay.
  else window.history.pushState({ inside: true }, "", href);
  changed();
  if (!keepScroll) window.scrollTo(0, 0);
}

/** Leaves an overlay: back where the page itself opened it, so that history does not pile up. */
export function leaveTo(href: string): void {
  const state: unknown = window.history.state;
  if (state !== null && typeof state === "object" && "inside" in state) window.history.back();
  else navigate(href, { replace: true, keepScroll: true });
}

type LinkProps = AnchorHTMLAttributes<HTMLAnchorElement> & { href: string };

/** An ordinary link that changes the place without loading the page anew. */
export function Link({ href, onClick, ...rest }: LinkProps) {
  const follow = (event: MouseEvent<HTMLAnchorElement>) => {
    onClick?.(event);
    const modified = event.metaKey || event.ctrlKey || event.shiftKey || event.altKey;
    if (event.defaultPrevented || modified || event.button !== 0) return;
    event.preventDefault();
    navigate(href);
  };
  return <a href={href} onClick={follow} {...rest} />;
}
