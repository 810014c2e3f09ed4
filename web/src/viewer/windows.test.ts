import { describe, expect, it } from "vitest";
import { dragWindow, hasWindow, ownWindow, presetsFor, sameWindow, windowText } from "./windows";

const SOFT = { center: 40, width: 400 };

describe("the file's own window", () => {
  it("is that of the first frame", () => {
    expect(ownWindow({ window: [40, 400] }, 0)).toEqual({ center: 40, width: 400 });
    expect(ownWindow({ window: [40, 400] }, 1)).toBeNull();
    expect(ownWindow({}, 0)).toBeNull();
    expect(ownWindow(null, 0)).toBeNull();
  });
});

describe("dragging a window", () => {
  it("goes nowhere without a movement", () => {
    expect(dragWindow(SOFT, 0, 0)).toEqual(SOFT);
  });

  it("widens to the right, narrows to the left, and leaves the centre alone", () => {
    expect(dragWindow(SOFT, 300, 0)).toEqual({ center: 40, width: 800 });
    expect(dragWindow(SOFT, -150, 0)).toEqual({ center: 40, width: 200 });
  });

  it("moves the centre up and down, and leaves the width alone", () => {
    expect(dragWindow(SOFT, 0, 30)).toEqual({ center: 80, width: 400 });
    expect(dragWindow(SOFT, 0, -30)).toEqual({ center: 0, width: 400 });
  });

  it("never ends in a width of nothing or less", () => {
    for (const far of [-300, -301, -10_000])
      expect(dragWindow(SOFT, far, 0)).toEqual({ center: 40, width: 4 });
  });

  it("goes with the scale of the values", () => {
    expect(dragWindow({ center: 20_000, width: 40_000 }, 0, 3).center).toBe(20_400);
    expect(dragWindow({ center: 2, width: 4 }, 0, 3).center).toBeCloseTo(2.04, 9);
    expect(dragWindow({ center: 2, width: 4 }, 3, 0).width).toBeCloseTo(4.04, 9);
  });
});

describe("presets", () => {
  it("of a CT are those of radiologists, on the keys they know", () => {
    const presets = presetsFor({ format: "dicom", modality: "CT" });
    expect(presets.slice(0, 5).map(({ name, window }) => [name, window])).toEqual([
      ["Soft tissue", { center: 40, width: 400 }],
      ["Lung", { center: -600, width: 1500 }],
      ["Liver", { center: 90, width: 150 }],
      ["Bone", { center: 480, width: 2500 }],
      ["Brain", { center: 40, width: 80 }],
    ]);
  });

  it("of other grey pictures come from the file", () => {
    expect(presetsFor({ format: "DICOM", modality: "MR" }).map(({ window }) => window)).toEqual([
      "own",
      "full",
    ]);
  });

  it("are none for colours and for what is no DICOM", () => {
    expect(hasWindow({ format: "dicom", modality: "SM" })).toBe(false);
    expect(hasWindow({ format: "png", modality: "CT" })).toBe(false);
    expect(presetsFor({ format: "dicom", modality: "US" })).toEqual([]);
    expect(presetsFor(null)).toEqual([]);
  });

  it("are told apart by their values", () => {
    expect(sameWindow({ ...SOFT }, SOFT)).toBe(true);
    expect(sameWindow(null, null)).toBe(true);
    expect(sameWindow(null, SOFT)).toBe(false);
    expect(windowText({ center: -600, width: 1500 })).toBe("C -600  W 1500");
  });
});
