import { describe, expect, it } from "vitest";
import { carried, matchingZoom } from "./link";

describe("panes that move together", () => {
  it("show the same µm per screen pixel where both spacings are known", () => {
    const leader = { mmPerPx: 0.0005, fitZoom: 0.02, zoom: 0.5 };
    const zoom = matchingZoom(leader, { mmPerPx: 0.00025, fitZoom: 0.01 });
    expect(0.00025 / zoom).toBeCloseTo(0.0005 / leader.zoom, 12);
  });

  it("show the same share of the picture otherwise", () => {
    const follower = { mmPerPx: 0.7, fitZoom: 0.6 };
    expect(matchingZoom({ mmPerPx: null, fitZoom: 0.4, zoom: 0.4 }, follower)).toBeCloseTo(0.6, 12);
    expect(matchingZoom({ mmPerPx: null, fitZoom: 0.4, zoom: 1 }, follower)).toBeCloseTo(1.5, 12);
  });

  it("agree whichever leads", () => {
    const [a, b] = [
      { mmPerPx: 0.7, fitZoom: 1.2 },
      { mmPerPx: 0.4, fitZoom: 0.5 },
    ];
    const there = matchingZoom({ ...a, zoom: 1.3 }, b);
    expect(matchingZoom({ ...b, zoom: there }, a)).toBeCloseTo(1.3, 12);
  });

  it("carry a pan over as it was seen, and a zoom about the pointer as well", () => {
    expect(carried({ x: 30, y: -10 }, 1)).toEqual({ x: -30, y: 10 });
    // Twice as large about a point 100 px right of the middle: the middle moved 100 px to the left.
    expect(carried({ x: -100, y: 0 }, 2)).toEqual({ x: 50, y: 0 });
  });
});
