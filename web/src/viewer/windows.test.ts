import { describe, expect, it } from "vitest";
import type { Window } from "../api/urls";
import {
  dragWindow,
  ownWindow,
  presetsFor,
  rangeOf,
  sameWindow,
  type Values,
  windowOver,
  windowText,
} from "./windows";

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

describe("the values of a window", () => {
  it("are those of PS3.3 C.11.2.1.2.1", () => {
    expect(rangeOf({ center: 128, width: 256 })).toEqual([0, 255]);
    expect(windowOver([0, 255])).toEqual({ center: 128, width: 256 });
    expect(windowOver([0, 1])).toEqual({ center: 1, width: 2 });
  });

  it("of a picture of one value are a window still", () => {
    const { center, width } = windowOver([7, 7]);
    expect(center).toBeCloseTo(7.5, 5);
    expect(width).toBeGreaterThanOrEqual(1);
  });
});

describe("presets", () => {
  const MODALITIES = ["CT", "MR", "CR", "DX", "MG", "XA", "PT", "NM", "US", "OT", null];
  /** 12 bit, the file's own window in the middle of them. */
  const VALUES: Values = {
    own: { center: 2000, width: 2000 },
    full: windowOver([0, 4095]),
    middle: windowOver([100, 3100]),
    inverted: false,
  };
  const seen = (modality: string | null, values = VALUES): Record<string, Window> =>
    Object.fromEntries(
      presetsFor(modality).map(({ name, window }) => [
        name,
        window === "own" ? values.own : typeof window === "function" ? window(values) : window,
      ]),
    );

  it("of a CT are those of radiologists, on the keys they know", () => {
    const presets = presetsFor("CT");
    expect(presets.slice(0, 5).map(({ name, window }) => [name, window])).toEqual([
      ["Soft tissue", { center: 40, width: 400 }],
      ["Lung", { center: -600, width: 1500 }],
      ["Liver", { center: 90, width: 150 }],
      ["Bone", { center: 480, width: 2500 }],
      ["Brain", { center: 40, width: 80 }],
    ]);
  });

  it.each(MODALITIES)("of %s are five at least, each another window", (modality) => {
    const windows = Object.values(seen(modality)).map(windowText);
    expect(windows.length).toBeGreaterThanOrEqual(5);
    expect(new Set(windows).size).toBe(windows.length);
  });

  it.each(MODALITIES.slice(1))(
    "of %s begin with the file’s own, the full range and nearly all of it",
    (modality) => {
      expect(
        presetsFor(modality)
          .slice(0, 3)
          .map(({ name }) => name),
      ).toEqual(["File’s own", "Full range", "1 to 99 %"]);
    },
  );

  it("show dark and bright parts of a radiograph, whichever way it is stored", () => {
    const { "Dark parts": dark, "Bright parts": bright } = seen("DX");
    expect(rangeOf(dark as Window)[0]).toBeCloseTo(100, -1);
    expect(rangeOf(bright as Window)[1]).toBeCloseTo(3100, -1);
    expect(dark?.width).toBeCloseTo(2100, -1);
    const inverted = seen("DX", { ...VALUES, inverted: true });
    expect([inverted["Dark parts"], inverted["Bright parts"]]).toEqual([bright, dark]);
  });

  it("look for faint uptake low in the range", () => {
    const { "Lower half": half, "Lower quarter": quarter } = seen("PT");
    // From 100, where the background ends, to 4095.
    expect(half).toEqual({ center: 1100, width: 2000 });
    expect(quarter).toEqual({ center: 600, width: 1001 });
  });

  it("are told apart by their values", () => {
    expect(sameWindow({ ...SOFT }, SOFT)).toBe(true);
    expect(sameWindow(null, null)).toBe(true);
    expect(sameWindow(null, SOFT)).toBe(false);
    expect(windowText({ center: -600, width: 1500 })).toBe("C -600  W 1500");
  });
});
