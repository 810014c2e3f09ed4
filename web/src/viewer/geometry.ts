// Boxes on pictures: pure arithmetic in picture pixels. The origin is the upper left corner.

import type { Box } from "../api/types";

export interface Size {
  width: number;
  height: number;
}

export interface Point {
  x: number;
  y: number;
}

/** Least side of a box that is worth a search; below it there is nothing for an encoder to see. */
export const MIN_SIDE_PX = 8;

const clamp = (value: number, low: number, high: number): number => Math.min(high, Math.max(low, value));

/** The box between two corners, whole pixels, inside the picture; null while it is too small to mean anything. */
export function boxBetween(a: Point, b: Point, picture: Size): Box | null {
  const left = Math.floor(clamp(Math.min(a.x, b.x), 0, picture.width));
  const top = Math.floor(clamp(Math.min(a.y, b.y), 0, picture.height));
  const right = Math.ceil(clamp(Math.max(a.x, b.x), 0, picture.width));
  const bottom = Math.ceil(clamp(Math.max(a.y, b.y), 0, picture.height));
  const width = right - left;
  const height = bottom - top;
  return width < MIN_SIDE_PX || height < MIN_SIDE_PX ? null : [left, top, width, height];
}

/** The box moved as far as the picture allows, its size kept. */
export function moveBox([x, y, width, height]: Box, by: Point, picture: Size): Box {
  return [
    Math.round(clamp(x + by.x, 0, picture.width - width)),
    Math.round(clamp(y + by.y, 0, picture.height - height)),
    width,
    height,
  ];
}

export type Corner = "nw" | "ne" | "sw" | "se";

/** The box with one corner dragged to a point; the opposite corner stays. */
export function dragCorner([x, y, width, height]: Box, corner: Corner, to: Point, picture: Size): Box | null {
  const fixed: Point = {
    x: corner === "nw" || corner === "sw" ? x + width : x,
    y: corner === "nw" || corner === "ne" ? y + height : y,
  };
  return boxBetween(fixed, to, picture);
}

/** The box grown or shrunk at its lower right corner. */
export function growBox([x, y, width, height]: Box, by: Point, picture: Size): Box {
  return [
    x,
    y,
    Math.round(clamp(width + by.x, MIN_SIDE_PX, picture.width - x)),
    Math.round(clamp(height + by.y, MIN_SIDE_PX, picture.height - y)),
  ];
}

export const isWhole = ([x, y, width, height]: Box, picture: Size): boolean =>
  x <= 0 && y <= 0 && width >= picture.width && height >= picture.height;

/** A square-ish surrounding of a box: `times` its longer side, inside the picture, so that one sees where it lies. */
export function surroundings([x, y, width, height]: Box, picture: Size, times = 2.2): Box {
  const side = Math.max(width, height) * times;
  const w = Math.round(Math.min(side, picture.width));
  const h = Math.round(Math.min(side, picture.height));
  return [
    Math.round(clamp(x + width / 2 - w / 2, 0, picture.width - w)),
    Math.round(clamp(y + height / 2 - h / 2, 0, picture.height - h)),
    w,
    h,
  ];
}

/** Where `inner` lies in `outer`, in percent, for a mark on a picture that shows `outer`. */
export function withinPercent(inner: Box, outer: Box) {
  return {
    left: `${((inner[0] - outer[0]) / outer[2]) * 100}%`,
    top: `${((inner[1] - outer[1]) / outer[3]) * 100}%`,
    width: `${(inner[2] / outer[2]) * 100}%`,
    height: `${(inner[3] / outer[3]) * 100}%`,
  };
}
