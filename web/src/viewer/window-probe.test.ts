import { describe, expect, it } from "vitest";
import type { Window } from "../api/urls";
import { measure, type Render } from "./window-probe";

/** A picture with values from `low` to `high`, rendered as the service does; bright is low where `inverted`. */
function picture(low: number, high: number, own: Window, inverted = false): Render {
  const values = Array.from({ length: 4096 }, (_, at) => low + ((high - low) * at) / 4095);
  return async (window) => {
    const { center, width } = window ?? own;
    return Uint8Array.from(values, (value, at) => {
      const level = Math.min(255, Math.max(0, Math.round(((value - center) / width + 0.5) * 255)));
      // As noisy as JPEG.
      const noisy = Math.min(255, Math.max(0, level + ((at * 7919) % 5) - 2));
      return inverted ? 255 - noisy : noisy;
    });
  };
}

const CASES: [string, number, number, Window, boolean][] = [
  ["CT", -1024, 3071, { center: 40, width: 400 }, false],
  ["MR", 0, 1800, { center: 600, width: 1600 }, false],
  ["radiograph, bright is low", 0, 4095, { center: 2048, width: 3000 }, true],
  ["PET in small numbers", 0, 12.5, { center: 5, width: 10 }, false],
  ["16 bit", 0, 60_000, { center: 30_000, width: 50_000 }, false],
];

describe("measuring the values of a picture", () => {
  it.each(CASES)("finds window and range of a %s", async (_, low, high, own, inverted) => {
    const values = await measure(picture(low, high, own, inverted));
    const range = high - low;
    expect(Math.abs((values?.full.width ?? 0) - range)).toBeLessThan(range * 0.05);
    expect(Math.abs((values?.full.center ?? 1e9) - (low + high) / 2)).toBeLessThan(range * 0.05);
    expect(Math.abs((values?.own.width ?? 0) - own.width)).toBeLessThan(own.width * 0.05);
    expect(Math.abs((values?.own.center ?? 1e9) - own.center)).toBeLessThan(own.width * 0.05);
  });

  it("finds none where windows change nothing", async () => {
    const colours = Uint8Array.from({ length: 100 }, (_, at) => at);
    expect(await measure(async () => colours)).toBeNull();
  });
});
