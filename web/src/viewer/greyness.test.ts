import { describe, expect, it } from "vitest";
import { isGrey } from "./greyness";

const PICTURE = { image_id: "i-1", format: "dicom", modality: "US" };
const untold = () => undefined;

describe("whether a picture is grey", () => {
  it("is told by its pixels, whatever its modality and its header", () => {
    for (const modality of ["CT", "MR", "US", "OT", null])
      for (const window of [[40, 400] as [number, number], null]) {
        expect(isGrey({ ...PICTURE, modality, window }, () => true)).toBe(true);
        expect(isGrey({ ...PICTURE, modality, window }, () => false)).toBe(false);
      }
  });

  it("is told by its pixels for NIfTI volumes, too", () => {
    const volume = { image_id: "i-3", format: "nifti", modality: null };
    expect(isGrey(volume, () => true)).toBe(true);
    expect(isGrey(volume, () => false)).toBe(false);
  });

  it("is taken from the header until they have told", () => {
    expect(isGrey({ ...PICTURE, window: [40, 400] }, untold)).toBe(true);
    expect(isGrey(PICTURE, untold)).toBe(false);
  });

  it("is one for the slices of a series", () => {
    const series = { series_id: "s-1", in_volume: true };
    const told = (kind: string) => (kind === "s-1" ? true : undefined);
    expect(isGrey({ ...PICTURE, series }, told)).toBe(true);
    expect(isGrey({ ...PICTURE, image_id: "i-2", series }, told)).toBe(true);
    expect(isGrey(PICTURE, told)).toBe(false);
  });

  it("is not asked of slides, of plain pictures, and of what is not there", () => {
    const yes = () => true;
    expect(isGrey({ ...PICTURE, modality: "SM" }, yes)).toBe(false);
    expect(isGrey({ ...PICTURE, mm_per_px: [0.0005, 0.0005] }, yes)).toBe(false);
    expect(isGrey({ ...PICTURE, format: "png" }, yes)).toBe(false);
    expect(isGrey(null, yes)).toBe(false);
  });
});
