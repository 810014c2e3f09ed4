// The pictures of a case as people leaf through them: a series of one file for each slice is one stack.

import type { ImageRecord } from "../api/types";

/** One picture, or the slices of one volume from its one end to the other. */
export interface Stack {
  key: string;
  images: readonly ImageRecord[];
}

const placeMm = ({ series }: ImageRecord): number | null => series?.position_mm ?? null;

/** By place where all slices say theirs, else by number alone: slices without a place fit nowhere among others. */
function inOrder(slices: ImageRecord[]): ImageRecord[] {
  const placed = slices.every((slice) => placeMm(slice) !== null);
  const number = ({ series }: ImageRecord) => series?.number ?? 0;
  return slices.sort((a, b) => (placed ? (placeMm(a) ?? 0) - (placeMm(b) ?? 0) : 0) || number(a) - number(b));
}

/** Stacks in the order in which their first picture came. */
export function stacksOf(images: readonly ImageRecord[]): Stack[] {
  const stacks = new Map<string, ImageRecord[]>();
  for (const image of images) {
    const key = image.series?.series_id ?? image.image_id;
    const stack = stacks.get(key);
    if (stack) stack.push(image);
    else stacks.set(key, [image]);
  }
  return [...stacks].map(([key, slices]) => ({ key, images: inOrder(slices) }));
}

/** The slice by which a stack is shown at first: the middle one, as ends often show little. */
export const middleOf = ({ images }: Stack): ImageRecord | undefined => images[images.length >> 1];

/** Its slices from the middle outwards. */
export function fromMiddle({ images }: Stack): readonly ImageRecord[] {
  const middle = images.length >> 1;
  return images
    .map((image, at) => ({ image, away: Math.abs(at - middle) }))
    .sort((a, b) => a.away - b.away)
    .map(({ image }) => image);
}

export interface StackPlace {
  /** Which stack. */
  at: number;
  stack: Stack;
  /** Which of its slices. */
  slice: number;
}

export function placeOf(stacks: readonly Stack[], imageId: string): StackPlace | null {
  for (const [at, stack] of stacks.entries()) {
    const slice = stack.images.findIndex(({ image_id }) => image_id === imageId);
    if (slice >= 0) return { at, stack, slice };
  }
  return null;
}

/** "4 of 9" for a slice of a series; null for a picture by itself. */
export function sliceText(stacks: readonly Stack[], imageId: string): string | null {
  const place = placeOf(stacks, imageId);
  if (!place || place.stack.images.length < 2) return null;
  return `${place.slice + 1} of ${place.stack.images.length}`;
}
