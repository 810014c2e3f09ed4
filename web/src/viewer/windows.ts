// Windows of grey pictures: centre and width in the values of the file (Hounsfield units in CT), and what a person
// may ask for by name.

import type { ImageRecord } from "../api/types";
import type { Window } from "../api/urls";

/** What the values of one frame are; see window-probe.ts for how it is found out. */
export interface Values {
  /** The window through which the file asks to be shown, or the full range where its curve is no window. */
  own: Window;
  /** From its lowest to its highest value. */
  full: Window;
  /** The same without the lowest and the highest hundredth of its pixels. */
  middle: Window;
  /** Whether high values are shown dark. */
  inverted: boolean;
}

/** The window as the file asks to be shown, one by its numbers, or one that goes by the picture's values. */
export type PresetWindow = "own" | Window | ((values: Values) => Window);

export interface Preset {
  name: string;
  window: PresetWindow;
}

type Range = [low: number, high: number];

/** A step of about a hundredth of the width, so that values read as people set them. */
function neat(value: number, width: number): number {
  const step = 10 ** Math.floor(Math.log10(width / 100));
  return Number((Math.round(value / step) * step).toPrecision(9)) + 0;
}

/** The values that a window shows black and white: it is LINEAR, as PS3.3 C.11.2.1.2.1 has it. */
export const rangeOf = ({ center, width }: Window): Range => {
  const half = (width - 1) / 2;
  return [center - 0.5 - half, center - 0.5 + half];
};

/** A picture of one value has no range. */
const NARROWEST_RANGE = 1e-6;

/** The window from a value to another. */
export const windowOver = ([low, high]: Range): Window => {
  const width = Math.max(high - low, NARROWEST_RANGE);
  return { center: neat((low + high + 1) / 2, width), width: neat(width + 1, width) };
};

/** The lower or the upper part of a window's values. */
function part(of: Window, end: "lower" | "upper", share: number): Window {
  const [low, high] = rangeOf(of);
  const length = (high - low) * share;
  return windowOver(end === "lower" ? [low, low + length] : [high - length, high]);
}

/** From the background, whatever few pixels are below it, to a share of the highest value. */
function lower({ full, middle }: Values, share: number): Window {
  return part(windowOver([rangeOf(middle)[0], rangeOf(full)[1]]), "lower", share);
}

/** More than half, so that what lies in the middle is in both parts. */
const PART = 0.7;

const OWN: Preset = { name: "File’s own", window: "own" };
const FULL: Preset = { name: "Full range", window: ({ full }) => full };
/** A few pixels of metal, flow or a marker do not darken the rest. */
const MIDDLE: Preset = { name: "1 to 99 %", window: ({ middle }) => middle };
const DARK: Preset = {
  name: "Dark parts",
  window: ({ middle, inverted }) => part(middle, inverted ? "upper" : "lower", PART),
};
const BRIGHT: Preset = {
  name: "Bright parts",
  window: ({ middle, inverted }) => part(middle, inverted ? "lower" : "upper", PART),
};
const HALF: Preset = { name: "Lower half", window: (values) => lower(values, 1 / 2) };
const QUARTER: Preset = { name: "Lower quarter", window: (values) => lower(values, 1 / 4) };

/** Soft tissue to brain, in the order and with the values of OHIF's keys 1 to 5. */
const CT_PRESETS: readonly Preset[] = [
  { name: "Soft tissue", window: { center: 40, width: 400 } },
  { name: "Lung", window: { center: -600, width: 1500 } },
  { name: "Liver", window: { center: 90, width: 150 } },
  { name: "Bone", window: { center: 480, width: 2500 } },
  { name: "Brain", window: { center: 40, width: 80 } },
  FULL,
];
/** A bladder or a hot spot outshines the rest: faint uptake lies low. */
const UPTAKE_PRESETS: readonly Preset[] = [OWN, FULL, MIDDLE, HALF, QUARTER];
/** In radiographs lungs and fat are dark, bone and dense breast bright; in MR and ultrasound the signal decides. */
const OTHER_PRESETS: readonly Preset[] = [OWN, FULL, MIDDLE, DARK, BRIGHT];

const PRESETS: ReadonlyMap<string, readonly Preset[]> = new Map([
  ["CT", CT_PRESETS],
  ["PT", UPTAKE_PRESETS],
  ["NM", UPTAKE_PRESETS],
]);

/** The presets of a grey picture, in the order of the keys: at least five. */
export const presetsFor = (modality: string | null | undefined): readonly Preset[] =>
  PRESETS.get(modality ?? "") ?? OTHER_PRESETS;

/** The window that the file names for its first frame; null where it names none, and for other frames. */
export const ownWindow = (image: Pick<ImageRecord, "window"> | null, frame: number): Window | null =>
  image?.window && frame === 0 ? { center: image.window[0], width: image.window[1] } : null;

export const sameWindow = (a: Window | null, b: Window | null): boolean =>
  a === b || (a !== null && b !== null && a.center === b.center && a.width === b.width);

/** Screen pixels that double a window's width, or move it by all its width. */
const DRAG_PX = 300;
/** No narrower than this share of where the drag began: below it the picture is black and white. */
const NARROWEST = 0.01;

/** The window after a drag from `start`: to the right wider, downwards brighter values (a darker picture). */
export function dragWindow(start: Window, rightPx: number, downPx: number): Window {
  const perPx = start.width / DRAG_PX;
  const width = Math.max(start.width * NARROWEST, start.width + rightPx * perPx);
  return { center: neat(start.center + downPx * perPx, start.width), width: neat(width, start.width) };
}

const number = new Intl.NumberFormat("en", { maximumSignificantDigits: 5, useGrouping: false });

/** "C 40  W 400". */
export const windowText = ({ center, width }: Window): string =>
  `C ${number.format(center)}  W ${number.format(width)}`;
