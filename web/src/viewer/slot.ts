// What stands in one pane: a picture, and what may be done with it there.

import type { ReactNode } from "react";
import type { Box, ImageRecord } from "../api/types";
import type { Mark } from "./BoxLayer";

/** What a picture of one frame is leafed among: the slices of its series, or the pictures of its case. */
export interface Leaf {
  word?: "Slice";
  at: number;
  of: number;
  to: (at: number) => void;
  /** Pictures that may come next and are made ready. */
  ahead?: readonly string[];
}

export interface Slot {
  key: string;
  imageId: string;
  frame: number;
  frames: number;
  /** Null while it loads, and for a query picture. */
  record: ImageRecord | null;
  /** What keeps its view from picture to picture: the case. */
  series: string;
  caption: ReactNode;
  marks?: Mark[];
  /** For a picture of one frame; one of several is leafed by its frames. */
  leaf?: Leaf;
  onFrame: (frame: number) => void;
  onSearchBox: (box: Box, add: boolean) => void;
  /** True where the query holds something that a region could join. */
  canAdd?: boolean;
  onClose?: () => void;
}

export interface Leafing extends Omit<Leaf, "word" | "ahead"> {
  word: "Frame" | "Slice" | "Picture";
}

/** By what a pane is leafed; null where there is nothing to leaf. */
export function leafingOf(slot: Slot): Leafing | null {
  if (slot.frames > 1) return { word: "Frame", at: slot.frame, of: slot.frames, to: slot.onFrame };
  return slot.leaf && slot.leaf.of > 1 ? { ...slot.leaf, word: slot.leaf.word ?? "Picture" } : null;
}

/** Leafs by a step, to the ends and no further. */
export function leafBy(slot: Slot, step: number): void {
  const leafing = leafingOf(slot);
  if (!leafing) return;
  const next = Math.min(leafing.of - 1, Math.max(0, leafing.at + step));
  if (next !== leafing.at) leafing.to(next);
}
