// How the pictures are looked at, behind the # of the address: which stand side by side, at which frame, through
// which window, turned how. The question before the # stays as it is.
//
//   #pane=i-7&frame=3&window=40,400&turn=90m&pane=i-9      what follows a `pane` belongs to it

import { useEffect } from "react";
import type { Window } from "../api/urls";
import { type Orientation, orientationText, parseOrientation, UPRIGHT } from "./orientation";

/** How one picture is looked at; null is the window of the file. */
export interface Look {
  window: Window | null;
  orientation: Orientation;
}

export interface PanePlace extends Look {
  imageId: string;
  frame: number;
}

export const PLAIN: Look = { window: null, orientation: UPRIGHT };
export const MOST_PANES = 4;

function parseWindow(text: string): Window | null {
  const [center, width, ...rest] = text
    .split(",")
    .map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  const good = rest.length === 0 && Number.isFinite(center) && Number.isFinite(width) && (width ?? 0) > 0;
  return good ? { center: center as number, width: width as number } : null;
}

/** Reads the panes behind the #; what it does not understand it leaves out. */
export function parsePanes(hash: string): PanePlace[] {
  const panes: PanePlace[] = [];
  for (const [key, value] of new URLSearchParams(hash.replace(/^#/, ""))) {
    const last = panes.at(-1);
    if (key === "pane" && value && panes.length < MOST_PANES)
      panes.push({ imageId: value, frame: 0, window: null, orientation: UPRIGHT });
    else if (key === "frame" && last && /^\d{1,7}$/.test(value)) last.frame = Number(value);
    else if (key === "window" && last) last.window = parseWindow(value);
    else if (key === "turn" && last) last.orientation = parseOrientation(value);
  }
  return panes;
}

export function formatPanes(panes: readonly PanePlace[]): string {
  const params = new URLSearchParams();
  for (const { imageId, frame, window, orientation } of panes) {
    params.append("pane", imageId);
    if (frame > 0) params.append("frame", String(frame));
    if (window) params.append("window", `${window.center},${window.width}`);
    const turn = orientationText(orientation);
    if (turn) params.append("turn", turn);
  }
  const text = params.toString().replaceAll("%2C", ",");
  return text ? `#${text}` : "";
}

/** Writes the panes into the address without a step in the history; one plain picture needs no word. */
export function rememberPanes(panes: readonly PanePlace[]): void {
  const { pathname, search, hash } = window.location;
  const plain = panes.every((pane) => !pane.window && orientationText(pane.orientation) === "");
  const next = panes.length < 2 && plain && !panes[0]?.frame ? "" : formatPanes(panes);
  if (next !== hash) window.history.replaceState(window.history.state, "", pathname + search + next);
}

/** Browsers refuse addresses that change with every step of a drag. */
const CALM_MS = 250;

/** Keeps the address up with the panes, once they rest. */
export function useRememberedPanes(panes: readonly PanePlace[]): void {
  useEffect(() => {
    const timer = setTimeout(() => rememberPanes(panes), CALM_MS);
    return () => clearTimeout(timer);
  });
}
