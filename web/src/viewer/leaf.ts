// Leafing among the pictures of a case: through the slices of a series, or from one single picture to the next.

import type { Leaf } from "./slot";
import { middleOf, placeOf, type Stack } from "./stacks";

/** How many slices on either side are made ready. */
const AHEAD = 2;

export function leafAmong(
  stacks: readonly Stack[],
  imageId: string,
  show: (imageId: string) => void,
): Leaf | undefined {
  const place = placeOf(stacks, imageId);
  if (!place) return undefined;
  const { at, stack, slice } = place;
  if (stack.images.length > 1)
    return {
      word: "Slice",
      at: slice,
      of: stack.images.length,
      to: (next) => show(stack.images[next]?.image_id ?? imageId),
      ahead: Array.from({ length: AHEAD }, (_, by) => [slice + by + 1, slice - by - 1])
        .flat()
        .flatMap((next) => stack.images[next]?.image_id ?? []),
    };
  return {
    at,
    of: stacks.length,
    to: (next) => {
      const other = stacks[next];
      show((other && middleOf(other)?.image_id) ?? imageId);
    },
  };
}
