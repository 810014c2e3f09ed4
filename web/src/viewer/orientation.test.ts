import { describe, expect, it } from "vitest";
import type { Corner } from "./geometry";
import {
  cornerSeenAt,
  flippedAcross,
  flippedDown,
  isUpright,
  type Orientation,
  orientationText,
  parseOrientation,
  toPicture,
  toScreen,
  turned,
  UPRIGHT,
} from "./orientation";

const ALL: Orientation[] = ([0, 90, 180, 270] as const).flatMap((degrees) => [
  { degrees, flipped: false },
  { degrees, flipped: true },
]);
const STEP = { x: 3, y: 7 };

describe("a picture turned or mirrored", () => {
  it("changes on the screen as one sees it, however it lay before", () => {
    for (const before of ALL) {
      const seen = toScreen(before, STEP);
      expect(toScreen(turned(before, 90), STEP)).toEqual({ x: -seen.y + 0, y: seen.x });
      expect(toScreen(turned(before, -90), STEP)).toEqual({ x: seen.y, y: -seen.x + 0 });
      expect(toScreen(flippedAcross(before), STEP)).toEqual({ x: -seen.x, y: seen.y });
      expect(toScreen(flippedDown(before), STEP)).toEqual({ x: seen.x, y: -seen.y });
    }
  });

  it("comes back the way it went", () => {
    for (const orientation of ALL) {
      expect(toPicture(orientation, toScreen(orientation, STEP))).toEqual(STEP);
      expect(flippedAcross(flippedAcross(orientation))).toEqual(orientation);
      expect(flippedDown(flippedDown(orientation))).toEqual(orientation);
      expect(turned(turned(orientation, 90), -90)).toEqual(orientation);
      expect(parseOrientation(orientationText(orientation))).toEqual(orientation);
    }
    expect(isUpright([90, 90, 90, 90].reduce(turned, UPRIGHT))).toBe(true);
  });

  it("shows each corner of a box at one corner of the screen", () => {
    expect(cornerSeenAt(UPRIGHT, "nw")).toBe("nw");
    expect(cornerSeenAt(turned(UPRIGHT, 90), "ne")).toBe("nw");
    expect(cornerSeenAt(flippedAcross(UPRIGHT), "ne")).toBe("nw");
    expect(cornerSeenAt(flippedDown(UPRIGHT), "sw")).toBe("nw");
    for (const orientation of ALL) {
      const corners = (["nw", "ne", "sw", "se"] as Corner[]).map((seen) => cornerSeenAt(orientation, seen));
      expect(new Set(corners).size).toBe(4);
    }
  });

  it("is upright where the address says nonsense", () => {
    for (const text of ["", "45", "m", "90x"]) expect(parseOrientation(text)).toEqual(UPRIGHT);
    expect(orientationText(UPRIGHT)).toBe("");
  });
});
