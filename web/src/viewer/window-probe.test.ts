import { describe, expect, it } from "vitest";
import type { Window } from "../api/urls";
import { followsWindow, measure, type Render } from "./window-probe";
import { rangeOf } from "./windows";

/** A picture with values from `low` to `high`, rendered as the service does; bright is low where `inverted`. */
function picture(low: number, high: number, own: Window, inverted = false): Render {
  const values = Array.from({ length: 4096 }, (_, at) => low + ((high - low) * at) / 4095);
  return async (window) => {
    const [black, white] = rangeOf(window ?? own);
    return Uint8Array.from(values, (value, at) => {
      const level = Math.min(255, Math.max(0, Math.round(((value - black) / (white - black)) * 255)));
      // As noisy as JPEG.
      const noisy = Math.min(255, Math.max(0, level + ((at * 7919) % 5) - 2));
      return inverted ? 255 - noisy : noisy;
    });
  };
}

const WRONG: Window = { center: 1e9, width: 1 };

const CASES: [string, number, number, Window, boolean][] = [
  ["CT", -1024, 3071, { center: 40, width: 400 }, false],
  ["MR", 0, 1800, { center: 600, width: 1600 }, false],
  ["radiograph, bright is low", 0, 4095, { center: 2048, width: 3000 }, true],
  ["PET in small numbers", 0, 12.5, { center: 5, width: 10 }, false],
  ["map of fractions", 0, 1, { center: 1, width: 2 }, false],
  ["16 bit", 0, 60_000, { center: 30_000, width: 50_000 }, false],
];

describe("measuring the values of a picture", () => {
  it.each(CASES)("finds window and range of a %s", async (_, low, high, own, inverted) => {
    const values = await measure(picture(low, high, own, inverted));
    const range = high - low;
    const [lowest, highest] = rangeOf(values?.full ?? WRONG);
    expect(Math.abs(lowest - low)).toBeLessThan(range * 0.05);
    expect(Math.abs(highest - high)).toBeLessThan(range * 0.05);
    expect(Math.abs((values?.own.width ?? 0) - own.width)).toBeLessThan(own.width * 0.05);
    expect(Math.abs((values?.own.center ?? 1e9) - own.center)).toBeLessThan(own.width * 0.05);
  });

  it.each(CASES)("leaves out the outermost hundredths of a %s", async (_, low, high, own, inverted) => {
    const values = await measure(picture(low, high, own, inverted));
    const range = high - low;
    const [from, to] = rangeOf(values?.middle ?? WRONG);
    expect(Math.abs(from - (low + range * 0.01))).toBeLessThan(range * 0.03);
    expect(Math.abs(to - (high - range * 0.01))).toBeLessThan(range * 0.03);
    expect(values?.middle.width).toBeLessThanOrEqual(values?.full.width ?? 0);
    expect(values?.inverted).toBe(inverted);
  });

  it("takes the window that the file names, and does not ask for it", async () => {
    const render = picture(0, 4095, { center: 2048, width: 3000 });
    const stated = { center: 2040, width: 3001 };
    const asked: (Window | null)[] = [];
    const values = await measure((window) => {
      asked.push(window);
      return render(window);
    }, stated);
    expect(values?.own).toEqual(stated);
    expect(asked).not.toContain(null);
  });

  it("finds none where windows change nothing", async () => {
    const colours = async () => Uint8Array.from({ length: 100 }, (_, at) => at);
    expect(await measure(colours)).toBeNull();
    expect(await followsWindow(colours)).toBe(false);
    expect(await followsWindow(picture(0, 255, { center: 128, width: 256 }))).toBe(true);
  });
});
