import { describe, expect, it } from "vitest";
import { carried, matchingZoom } from "./link";

const pane = (mmPerPx: number | null, pictureWidthPx: number, elementWidthPx = 700) => ({
  mmPerPx,
  pictureWidthPx,
  elementWidthPx,
});

describe("panes that move together", () => {
  it("show the same µm per screen pixel where both spacings are known", () => {
    const leader = { ...pane(0.0005, 40_000), zoom: 0.5 };
    const zoom = matchingZoom(leader, pane(0.00025, 90_000, 300));
    expect(0.00025 / zoom).toBeCloseTo(0.0005 / leader.zoom, 12);
  });

  it("show the same share of the picture otherwise", () => {
    const leader = { ...pane(null, 1000), zoom: 1.4 };
    const zoom = matchingZoom(leader, pane(0.7, 512, 350));
    expect(350 / (zoom * 512)).toBeCloseTo(700 / (1.4 * 1000), 12);
  });

  it("agree whichever leads", () => {
    const [a, b] = [pane(0.7, 512), pane(0.4, 1024, 300)];
    const there = matchingZoom({ ...a, zoom: 1.3 }, b);
    expect(matchingZoom({ ...b, zoom: there }, a)).toBeCloseTo(1.3, 12);
  });

  it("carry a pan over as it was seen, and a zoom about the pointer as well", () => {
    expect(carried({ x: 30, y: -10 }, 1)).toEqual({ x: -30, y: 10 });
    // Twice as large about a point 100 px right of the middle: the middle moved 100 px to the left.
    expect(carried({ x: -100, y: 0 }, 2)).toEqual({ x: 50, y: 0 });
  });
});
