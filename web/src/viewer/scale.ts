// Lengths on the screen: scale bars and objectives. "Screen pixels" are CSS pixels; `zoom` is screen pixels per
// picture pixel; spacings are millimetres per picture pixel, across and down.

import type { ImageRecord } from "../api/types";

export type Spacing = [number, number];

/** Objectives of a microscope, in the order of the keys 1 to 5. */
export const OBJECTIVES = [2, 5, 10, 20, 40] as const;
/** What a screen pixel shows at 1×: 10× is 1.0 µm by the convention of slide scanners. */
const UM_AT_1X = 10;
const UM_PER_MM = 1000;
/** Finer spacing than this, in millimetres, comes from a microscope. */
const MICROSCOPE_MM_PER_PX = 0.02;
/** A scan at 0.4990 µm is a 20× scan: so much more than its own resolution is no over-zoom yet. */
const TOLERANCE = 1.1;

type Seen = Pick<ImageRecord, "modality" | "mm_per_px"> | null;

export const isSlide = (image: Seen): boolean =>
  image?.modality === "SM" || (image?.mm_per_px != null && image.mm_per_px[0] < MICROSCOPE_MM_PER_PX);

/** A round length: 1, 2 or 5 times a power of ten, at most `most`. */
export function roundLength(most: number): number {
  if (!(most > 0) || !Number.isFinite(most)) return 0;
  const power = 10 ** Math.floor(Math.log10(most));
  const factor = most / power;
  return (factor >= 5 ? 5 : factor >= 2 ? 2 : 1) * power;
}

/** A length with the digits it has: 500 nm, 20 µm, 1.5 mm, 12 cm stays 120 mm. */
export function lengthText(mm: number): string {
  const um = mm * UM_PER_MM;
  const digits = (value: number) => String(Number(value.toPrecision(3)));
  if (um < 1) return `${digits(um * UM_PER_MM)} nm`;
  return um < UM_PER_MM ? `${digits(um)} µm` : `${digits(mm)} mm`;
}

export interface Bar {
  widthPx: number;
  text: string;
}

/** The longest round bar of at most `mostPx`; none where nothing is known of lengths. */
export function scaleBar(zoom: number, mmPerPx: number | null, mostPx: number): Bar | null {
  if (!mmPerPx || !(mmPerPx > 0) || !(zoom > 0)) return null;
  const mmPerScreenPx = mmPerPx / zoom;
  const mm = roundLength(mmPerScreenPx * mostPx);
  return mm > 0 ? { widthPx: mm / mmPerScreenPx, text: lengthText(mm) } : null;
}

/** Objective power at a zoom: how a microscope with it would show the slide. */
export const magnificationAt = (zoom: number, mmPerPx: number): number =>
  (UM_AT_1X * zoom) / (mmPerPx * UM_PER_MM);

/** Zoom at which an objective power is shown. */
export const zoomAt = (magnification: number, mmPerPx: number): number =>
  (magnification * mmPerPx * UM_PER_MM) / UM_AT_1X;

/** Whether an objective asks for more than the scan holds: pixels are then only blown up. */
export const isOverZoom = (magnification: number, mmPerPx: number): boolean =>
  zoomAt(magnification, mmPerPx) > TOLERANCE;

export const magnificationText = (magnification: number): string =>
  `${magnification < 10 ? Number(magnification.toFixed(1)) : Math.round(magnification)}×`;
