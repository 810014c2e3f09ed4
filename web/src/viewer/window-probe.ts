// The values of a picture, found out from renderings of it: the service says neither whether it is grey nor its range,
// but it renders through any window. Colours look the same through every window. A rendering through a wide window
// tells coarsely where the values lie, one through the window around them more finely, and the file's own rendering
// against that one tells its window.

import { renderedUrl, type Window } from "../api/urls";
import { rangeOf, type Values, windowOver } from "./windows";

type Grey = Uint8Array;
export type Render = (window: Window | null) => Promise<Grey>;

const WIDEST: Window = { center: 0, width: 131_072 };
const SHIFTED: Window = { ...WIDEST, center: WIDEST.width / 4 };
/** Levels by which a picture darkens at least when its window moves by a quarter. */
const LEAST_SHIFT = 16;
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
/** Share of the pixels that the middle range leaves out at either end. */
const TAIL = 0.01;

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

/** The levels that leave `TAIL` of the pixels outside at either end. */
function middleLevels(grey: Grey): [number, number] {
  const sorted = grey.slice().sort();
  const cut = Math.floor(sorted.length * TAIL);
  return [sorted[cut] ?? 0, sorted[sorted.length - 1 - cut] ?? LEVELS];
}

/** Values at the ends of a range of levels seen through a window; `inverted` where bright means low. */
function valuesAt(levels: [number, number], window: Window, inverted: boolean): [number, number] {
  const [black, white] = rangeOf(window);
  const shares = levels.map((level) => level / LEVELS) as [number, number];
  const [low, high] = inverted ? [1 - shares[1], 1 - shares[0]] : shares;
  return [black + low * (white - black), black + high * (white - black)];
}

/** Three figures are as much as this way of measuring gives. */
function roundWindow([low, high]: [number, number]): Window {
  const step = 10 ** Math.floor(Math.log10((high - low) / 50));
  const near = (value: number) => Number((Math.round(value / step) * step).toPrecision(9)) + 0;
  const { center, width } = windowOver([low, high]);
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
    const x = (level / LEVELS - 0.5) * (window.width - 1);
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
  return { center: window.center + (inverted ? -middle : middle), width: LEVELS / slope + 1 };
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

interface Seen {
  wide: Grey;
  inverted: boolean;
}

/** The picture through the widest window; null where windows change nothing, as in colour. */
async function seeThroughWidest(render: Render): Promise<Seen | null> {
  const [wide, shifted] = await Promise.all([render(WIDEST), render(SHIFTED)]);
  const shift = mean(shifted) - mean(wide);
  return Math.abs(shift) < LEAST_SHIFT ? null : { wide, inverted: shift > 0 };
}

/** Whether a picture has one value a pixel, so that a window changes how it looks. */
export const followsWindow = async (render: Render): Promise<boolean> =>
  (await seeThroughWidest(render)) !== null;

/** What the values of a grey picture are; `stated` is the window that its file names. Null for colours. */
export async function measure(render: Render, stated: Window | null = null): Promise<Values | null> {
  const seen = await seeThroughWidest(render);
  if (!seen) return null;
  const { inverted } = seen;
  let window = WIDEST;
  let known = seen.wide;
  let levels = levelRange(known);
  for (let round = 0; round < ROUNDS && levels[1] - levels[0] < FILLED * LEVELS; round += 1) {
    window = windowOver(valuesAt([levels[0] - NOISE, levels[1] + NOISE], window, inverted));
    known = await render(window);
    levels = levelRange(known);
  }
  const over = ([low, high]: [number, number]): Window =>
    roundWindow(valuesAt([low, Math.max(high, low + 1)], window, inverted));
  const full = over(levels);
  const fitted = stated ? null : await ownWindow(render, known, window, inverted);
  return {
    own: stated ?? (fitted ? roundWindow(rangeOf(fitted)) : full),
    full,
    middle: over(middleLevels(known)),
    inverted,
  };
}

const PROBE_PX = 512;
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

const renderOf =
  (imageId: string, frame: number): Render =>
  (window) =>
    greyOf(renderedUrl(imageId, { frame, window, size: PROBE_PX }));

/** Finds something out once; what went wrong is asked again the next time. */
function once<T>(answers: Map<string, Promise<T>>, key: string, find: () => Promise<T>): Promise<T> {
  const known = answers.get(key);
  if (known) return known;
  const asked = find();
  answers.set(key, asked);
  asked.catch(() => answers.delete(key));
  return asked;
}

const measured = new Map<string, Promise<Values | null>>();
const greyness = new Map<string, Promise<boolean>>();

/** The values of a frame of the library. */
export const valuesOf = (imageId: string, frame: number, stated: Window | null): Promise<Values | null> =>
  once(measured, `${imageId}/${frame}`, () => measure(renderOf(imageId, frame), stated));

/** Whether a picture of the library is grey. `alike` names those that are of one kind with it: the slices of a series. */
export const greyOrNot = (imageId: string, alike: string): Promise<boolean> =>
  once(greyness, alike, () => followsWindow(renderOf(imageId, 0)));
