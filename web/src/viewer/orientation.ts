// How a picture lies on the screen: turned by quarters, then perhaps mirrored left to right, as OpenSeadragon does it.
// Every turn and mirror is meant as seen on the screen. Boxes stay in picture pixels throughout.

import type { Corner, Point } from "./geometry";

export interface Orientation {
  /** Clockwise, before the mirror. */
  degrees: 0 | 90 | 180 | 270;
  flipped: boolean;
}

export const UPRIGHT: Orientation = { degrees: 0, flipped: false };

const wrap = (degrees: number): Orientation["degrees"] =>
  (((degrees % 360) + 360) % 360) as Orientation["degrees"];

/** Turned clockwise as seen; a mirrored picture turns the other way underneath. */
export const turned = ({ degrees, flipped }: Orientation, by: number): Orientation => ({
  degrees: wrap(degrees + (flipped ? -by : by)),
  flipped,
});

export const flippedAcross = ({ degrees, flipped }: Orientation): Orientation => ({
  degrees,
  flipped: !flipped,
});

/** Upside down is left to right and half a turn. */
export const flippedDown = ({ degrees, flipped }: Orientation): Orientation => ({
  degrees: wrap(degrees + 180),
  flipped: !flipped,
});

export const isUpright = ({ degrees, flipped }: Orientation): boolean => degrees === 0 && !flipped;

/** Where a step in the picture leads on the screen, y downwards in both. */
export function toScreen({ degrees, flipped }: Orientation, { x, y }: Point): Point {
  const on = { 0: { x, y }, 90: { x: -y, y: x }, 180: { x: -x, y: -y }, 270: { x: y, y: -x } }[degrees];
  return { x: (flipped ? -on.x : on.x) + 0, y: on.y + 0 };
}

/** Where a step on the screen leads in the picture. */
export function toPicture({ degrees, flipped }: Orientation, { x, y }: Point): Point {
  return toScreen({ degrees: wrap(-degrees), flipped: false }, { x: flipped ? -x : x, y });
}

const CORNERS: Record<Corner, Point> = {
  nw: { x: -1, y: -1 },
  ne: { x: 1, y: -1 },
  sw: { x: -1, y: 1 },
  se: { x: 1, y: 1 },
};

/** Which corner of a box in the picture is seen at a corner on the screen. */
export function cornerSeenAt(orientation: Orientation, seen: Corner): Corner {
  const { x, y } = toPicture(orientation, CORNERS[seen]);
  return `${y < 0 ? "n" : "s"}${x < 0 ? "w" : "e"}` as Corner;
}

/** "90", "180m"; empty when upright. */
export const orientationText = ({ degrees, flipped }: Orientation): string =>
  `${degrees || (flipped ? "0" : "")}${flipped ? "m" : ""}`;

export function parseOrientation(text: string): Orientation {
  const match = /^(0|90|180|270)(m?)$/.exec(text);
  return match ? { degrees: wrap(Number(match[1])), flipped: match[2] === "m" } : UPRIGHT;
}
