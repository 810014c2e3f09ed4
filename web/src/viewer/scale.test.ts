import { describe, expect, it } from "vitest";
import {
  isOverZoom,
  isSlide,
  lengthText,
  magnificationAt,
  magnificationText,
  OBJECTIVES,
  roundLength,
  scaleBar,
  zoomAt,
} from "./scale";

const SCAN_20X = 0.000499;

describe("the scale bar", () => {
  it("has a round length that fits", () => {
    expect(roundLength(120)).toBe(100);
    expect(roundLength(73)).toBe(50);
    expect(roundLength(0.27)).toBeCloseTo(0.2);
    expect(roundLength(5)).toBe(5);
    expect(roundLength(1)).toBe(1);
    for (const none of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) expect(roundLength(none)).toBe(0);
  });

  it("is as long on the screen as it says, and never too long", () => {
    for (let zoom = 0.003; zoom < 20; zoom *= 1.37) {
      const bar = scaleBar(zoom, SCAN_20X, 140);
      const value = Number.parseFloat(bar?.text ?? "");
      const mm = bar?.text.endsWith("µm") ? value / 1000 : bar?.text.endsWith("nm") ? value / 1e6 : value;
      expect(bar?.widthPx).toBeLessThanOrEqual(140.0001);
      expect(bar?.widthPx).toBeGreaterThan(140 / 2.6);
      expect((mm / SCAN_20X) * zoom).toBeCloseTo(bar?.widthPx ?? 0, 6);
      expect(String(value)).toMatch(/^[125]0*$|^0\.0*[125]$/);
    }
  });

  it("is absent where the file does not say how large a pixel is", () => {
    expect(scaleBar(1, null, 140)).toBeNull();
    expect(scaleBar(0, 0.5, 140)).toBeNull();
    expect(scaleBar(1, 0, 140)).toBeNull();
  });

  it("names lengths in the unit that reads best", () => {
    expect(lengthText(0.0002)).toBe("200 nm");
    expect(lengthText(0.02)).toBe("20 µm");
    expect(lengthText(0.5)).toBe("500 µm");
    expect(lengthText(5)).toBe("5 mm");
    expect(lengthText(123.4)).toBe("123 mm");
  });
});

describe("objectives", () => {
  it("show 1.0 µm per screen pixel at 10×", () => {
    expect(zoomAt(10, 0.001)).toBeCloseTo(1, 9);
    expect(zoomAt(10, SCAN_20X)).toBeCloseTo(0.499, 9);
    expect(magnificationAt(1, 0.00025)).toBeCloseTo(40, 9);
  });

  it("and zooms are each other's inverse", () => {
    for (const objective of OBJECTIVES)
      expect(magnificationAt(zoomAt(objective, SCAN_20X), SCAN_20X)).toBeCloseTo(objective, 9);
  });

  it("beyond the scan are known", () => {
    expect(OBJECTIVES.filter((objective) => isOverZoom(objective, SCAN_20X))).toEqual([40]);
    expect(OBJECTIVES.filter((objective) => isOverZoom(objective, 0.00025))).toEqual([]);
    expect(OBJECTIVES.filter((objective) => isOverZoom(objective, 0.001))).toEqual([20, 40]);
  });

  it("are for what a microscope saw", () => {
    expect(isSlide({ modality: "SM", mm_per_px: null })).toBe(true);
    expect(isSlide({ modality: null, mm_per_px: [0.0005, 0.0005] })).toBe(true);
    expect(isSlide({ modality: "CT", mm_per_px: [0.7, 0.7] })).toBe(false);
    expect(isSlide({ modality: "DX", mm_per_px: null })).toBe(false);
    expect(isSlide(null)).toBe(false);
  });

  it("are written as microscopists write them", () => {
    expect(magnificationText(20.04)).toBe("20×");
    expect(magnificationText(1.25)).toBe("1.3×");
    expect(magnificationText(0.4)).toBe("0.4×");
  });
});
