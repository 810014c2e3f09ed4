import { describe, expect, it } from "vitest";
import type { Box } from "../api/types";
import { boxBetween, dragCorner, growBox, isWhole, moveBox, surroundings, withinPercent } from "./geometry";

const PICTURE = { width: 200, height: 100 };

describe("boxes", () => {
  it("are the same whichever corner the drawing began at", () => {
    const box = [10, 20, 50, 30];
    expect(boxBetween({ x: 10, y: 20 }, { x: 60, y: 50 }, PICTURE)).toEqual(box);
    expect(boxBetween({ x: 60, y: 50 }, { x: 10, y: 20 }, PICTURE)).toEqual(box);
    expect(boxBetween({ x: 10.6, y: 49.2 }, { x: 59.1, y: 20.9 }, PICTURE)).toEqual(box);
  });

  it("stay inside the picture and have a size", () => {
    expect(boxBetween({ x: -50, y: -50 }, { x: 999, y: 999 }, PICTURE)).toEqual([0, 0, 200, 100]);
    expect(boxBetween({ x: 10, y: 10 }, { x: 14, y: 90 }, PICTURE)).toBeNull();
    expect(boxBetween({ x: 300, y: 10 }, { x: 400, y: 90 }, PICTURE)).toBeNull();
  });

  it("move to the edge and no further", () => {
    expect(moveBox([10, 10, 50, 50], { x: 500, y: -500 }, PICTURE)).toEqual([150, 0, 50, 50]);
  });

  it("turn over when a corner crosses the other", () => {
    expect(dragCorner([50, 50, 20, 20], "se", { x: 20, y: 30 }, PICTURE)).toEqual([20, 30, 30, 20]);
    expect(dragCorner([50, 50, 20, 20], "nw", { x: 40, y: 40 }, PICTURE)).toEqual([40, 40, 30, 30]);
    expect(dragCorner([50, 50, 20, 20], "ne", { x: 51, y: 40 }, PICTURE)).toBeNull();
  });

  it("grow inside the picture, shrink to what can be searched", () => {
    expect(growBox([190, 90, 8, 8], { x: 40, y: 40 }, PICTURE)).toEqual([190, 90, 10, 10]);
    expect(growBox([0, 0, 10, 10], { x: -40, y: -1 }, PICTURE)).toEqual([0, 0, 8, 9]);
  });

  it("know when they are the whole", () => {
    expect(isWhole([0, 0, 200, 100], PICTURE)).toBe(true);
    expect(isWhole([0, 0, 199, 100], PICTURE)).toBe(false);
  });
});

describe("surroundings", () => {
  it("hold the box and lie in the picture", () => {
    for (const box of [
      [0, 0, 20, 20],
      [180, 80, 20, 20],
      [90, 40, 10, 20],
      [0, 0, 200, 100],
    ] as Box[]) {
      const [x, y, width, height] = surroundings(box, PICTURE);
      expect(x).toBeGreaterThanOrEqual(0);
      expect(y).toBeGreaterThanOrEqual(0);
      expect(x + width).toBeLessThanOrEqual(PICTURE.width);
      expect(y + height).toBeLessThanOrEqual(PICTURE.height);
      expect(x <= box[0] && y <= box[1]).toBe(true);
      expect(x + width >= box[0] + box[2] && y + height >= box[1] + box[3]).toBe(true);
    }
  });

  it("place a mark in percent", () => {
    expect(withinPercent([30, 20, 10, 10], [20, 0, 40, 40])).toEqual({
      left: "25%",
      top: "50%",
      width: "25%",
      height: "25%",
    });
  });
});
