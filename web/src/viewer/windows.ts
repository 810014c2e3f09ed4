// Windows of grey pictures: centre and width in the values of the file (Hounsfield units in CT).

import type { ImageRecord } from "../api/types";
import type { Window } from "../api/urls";

/** "own": as the file asks to be shown. "full": from its darkest to its brightest value. */
export type PresetWindow = Window | "own" | "full";

export interface Preset {
  name: string;
  window: PresetWindow;
}

/** Soft tissue to brain, in the order and with the values of OHIF's keys 1 to 5. */
const CT_PRESETS: readonly Preset[] = [
  { name: "Soft tissue", window: { center: 40, width: 400 } },
  { name: "Lung", window: { center: -600, width: 1500 } },
  { name: "Liver", window: { center: 90, width: 150 } },
  { name: "Bone", window: { center: 480, width: 2500 } },
  { name: "Brain", window: { center: 40, width: 80 } },
  { name: "Full range", window: "full" },
];
const OTHER_PRESETS: readonly Preset[] = [
  { name: "File’s own", window: "own" },
  { name: "Full range", window: "full" },
];

/** Modalities whose pictures are one grey value a pixel. */
const GREY = new Set([
  "CT",
  "MR",
  "CR",
  "DX",
  "DR",
  "MG",
  "PT",
  "NM",
  "XA",
  "RF",
  "RG",
  "IO",
  "PX",
  "RTIMAGE",
]);

type Seen = Pick<ImageRecord, "format" | "modality"> | null;

export const hasWindow = (image: Seen): boolean =>
  image?.format.toLowerCase() === "dicom" && image.modality != null && GREY.has(image.modality);

/** The window that the file names for its first frame; null where it names none, and for other frames. */
export const ownWindow = (image: Pick<ImageRecord, "window"> | null, frame: number): Window | null =>
  image?.window && frame === 0 ? { center: image.window[0], width: image.window[1] } : null;

/** Presets that make sense for a picture, in the order of the keys; none where its values are colours. */
export function presetsFor(image: Seen): readonly Preset[] {
  if (!hasWindow(image)) return [];
  return image?.modality === "CT" ? CT_PRESETS : OTHER_PRESETS;
}

export const sameWindow = (a: Window | null, b: Window | null): boolean =>
  a === b || (a !== null && b !== null && a.center === b.center && a.width === b.width);

/** Screen pixels that double a window's width, or move it by all its width. */
const DRAG_PX = 300;
/** No narrower than this share of where the drag began: below it the picture is black and white. */
const NARROWEST = 0.01;

/** A step of about a hundredth of the width, so that values read as people set them. */
function neat(value: number, width: number): number {
  const step = 10 ** Math.floor(Math.log10(width / 100));
  return Number((Math.round(value / step) * step).toPrecision(9));
}

/** The window after a drag from `start`: to the right wider, downwards brighter values (a darker picture). */
export function dragWindow(start: Window, rightPx: number, downPx: number): Window {
  const perPx = start.width / DRAG_PX;
  const width = Math.max(start.width * NARROWEST, start.width + rightPx * perPx);
  return { center: neat(start.center + downPx * perPx, start.width) + 0, width: neat(width, start.width) };
}

const number = new Intl.NumberFormat("en", { maximumSignificantDigits: 5, useGrouping: false });

/** "C 40  W 400". */
export const windowText = ({ center, width }: Window): string =>
  `C ${number.format(center)}  W ${number.format(width)}`;
