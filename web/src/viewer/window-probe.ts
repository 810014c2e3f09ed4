// The values of a grey picture, found out from renderings of it: the service says neither the file's own window nor
// its range, but it renders through any window. A rendering through a wide window tells coarsely where the values
// lie, one through the window around them more finely, and the file's own rendering against that one tells its window.

import { renderedUrl, type Window } from "../api/urls";

export interface Values {
  /** The file's own window, or the full range where its curve is no window. */
  own: Window;
  full: Window;
}

type Grey = Uint8Array;
export type Render = (window: Window | null) => Promise<Grey>;

const WIDEST: Window = { center: 0, width: 131_072 };
const LEVELS = 255;
/** Levels by which JPEG may be off. */
const NOISE = 2;
/** Once the values fill so much of a window, a narrower one tells no more. */
const FILLED = 0.7;
const ROUNDS = 5;
/** Levels at either end that may be cut off. */
const CLIPPED = 8;
/** Change of the width, as a share, below which a fit has settled. */
const SETTLED = 0.01;
const FEWEST_PIXELS = 64;

const mean = (grey: Grey): number => grey.reduce((sum, level) => sum + level, 0) / Math.max(1, grey.length);

function levelRange(grey: Grey): [number, number] {
  let low = LEVELS;
  let high = 0;
  for (const level of grey) {
    if (level < low) low = level;
    if (level > high) high = level;
  }
  return [low, high];
}

/** Values at the ends of a range of levels seen through a window; `inverted` where bright means low. */
export function rangeOf([low, high]: [number, number], window: Window, inverted: boolean): [number, number] {
  const value = (level: number) =>
    window.center + (inverted ? -1 : 1) * (level / LEVELS - 0.5) * window.width;
  return inverted ? [value(high), value(low)] : [value(low), value(high)];
}

const windowOver = ([low, high]: [number, number]): Window => ({
  center: (low + high) / 2,
  width: high - low,
});

/** Three figures are as much as this way of measuring gives. */
function rounded({ center, width }: Window): Window {
  const step = 10 ** Math.floor(Math.log10(width / 50));
  const near = (value: number) => Number((Math.round(value / step) * step).toPrecision(9)) + 0;
  return { center: near(center), width: near(width) };
}

/**
 * The window through which `own` was rendered, from the same pixels through a known one. The slope is the ratio of the
 * spreads: both renderings carry the noise of JPEG, and a least-squares line would come out too flat.
 */
export function fitWindow(own: Grey, known: Grey, window: Window, inverted: boolean): Window | null {
  let [n, sx, sy, sxx, syy, sxy] = [0, 0, 0, 0, 0, 0];
  for (let at = 0; at < own.length; at += 1) {
    const y = own[at] ?? 0;
    const level = known[at] ?? 0;
    if (y < CLIPPED || y > LEVELS - CLIPPED || level < 1 || level > LEVELS - 1) continue;
    const x = (level / LEVELS - 0.5) * window.width;
    n += 1;
    sx += x;
    sy += y;
    sxx += x * x;
    syy += y * y;
    sxy += x * y;
  }
  const spread = { x: n * sxx - sx * sx, y: n * syy - sy * sy };
  if (n < FEWEST_PIXELS || !(spread.x > 0) || !(spread.y > 0) || !(n * sxy > sx * sy)) return null;
  const slope = Math.sqrt(spread.y / spread.x);
  const middle = (LEVELS / 2 - (sy - slope * sx) / n) / slope;
  return { center: window.center + (inverted ? -middle : middle), width: LEVELS / slope };
}

/** Fits, looks through what was fitted, and fits again, until both renderings are alike. */
async function ownWindow(render: Render, known: Grey, window: Window, inverted: boolean) {
  const own = await render(null);
  let fitted = fitWindow(own, known, window, inverted);
  for (let round = 0; round < ROUNDS && fitted; round += 1) {
    const finer = fitWindow(own, await render(fitted), fitted, inverted);
    if (!finer) break;
    const settled = Math.abs(finer.width / fitted.width - 1) < SETTLED;
    fitted = finer;
    if (settled) break;
  }
  return fitted;
}

/** Null where windows change nothing, as in a colour picture. */
export async function measure(render: Render): Promise<Values | null> {
  const wide = await render(WIDEST);
  const shifted = await render({ ...WIDEST, center: WIDEST.width / 4 });
  const shift = mean(shifted) - mean(wide);
  if (Math.abs(shift) < LEVELS / 16) return null;
  const inverted = shift > 0;
  let window = WIDEST;
  let known = wide;
  let levels = levelRange(wide);
  for (let round = 0; round < ROUNDS && levels[1] - levels[0] < FILLED * LEVELS; round += 1) {
    window = windowOver(rangeOf([levels[0] - NOISE, levels[1] + NOISE], window, inverted));
    known = await render(window);
    levels = levelRange(known);
  }
  const full = rounded(
    windowOver(rangeOf([levels[0], Math.max(levels[1], levels[0] + 1)], window, inverted)),
  );
  const own = await ownWindow(render, known, window, inverted);
  return { own: own ? rounded(own) : full, full };
}

const PROBE_PX = 256;
const measured = new Map<string, Promise<Values | null>>();

async function greyOf(url: string): Promise<Grey> {
  const image = new Image();
  image.src = url;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = image.naturalWidth;
  canvas.height = image.naturalHeight;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("This browser draws no pictures");
  context.drawImage(image, 0, 0);
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  return Uint8Array.from({ length: data.length / 4 }, (_, at) => data[at * 4 + 1] ?? 0);
}

/** Measures a frame once; what went wrong is asked again the next time. */
export function valuesOf(imageId: string, frame: number): Promise<Values | null> {
  const key = `${imageId}/${frame}`;
  const known = measured.get(key);
  if (known) return known;
  const asked = measure((window) => greyOf(renderedUrl(imageId, { frame, window, size: PROBE_PX })));
  measured.set(key, asked);
  asked.catch(() => measured.delete(key));
  return asked;
}
