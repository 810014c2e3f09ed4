import { describe, expect, it } from "vitest";
import type { ImageRecord } from "../api/types";
import { fromMiddle, middleOf, placeOf, sliceText, stacksOf } from "./stacks";

const image = (id: string, series?: string, mm?: number, number?: number) =>
  ({
    image_id: id,
    series: series ? { series_id: series, position_mm: mm ?? null, number: number ?? null } : undefined,
  }) as unknown as ImageRecord;

describe("stacks", () => {
  const stacks = stacksOf([
    image("scout"),
    image("high", "s", 30),
    image("low", "s", -10),
    image("other", "t", 5),
    image("middle", "s", 10),
  ]);

  it("joins the slices of a series in order of place, where its first one stood", () => {
    expect(stacks.map(({ images }) => images.map(({ image_id }) => image_id))).toEqual([
      ["scout"],
      ["low", "middle", "high"],
      ["other"],
    ]);
  });

  it("orders slices by their number where one says no place", () => {
    const [some] = stacksOf([image("b", "s", -5, 2), image("c", "s", undefined, 3), image("a", "s", 7, 1)]);
    expect(some?.images.map(({ image_id }) => image_id)).toEqual(["a", "b", "c"]);
    const [stack] = stacksOf([image("b", "s", undefined, 2), image("a", "s", undefined, 1)]);
    expect(stack?.images.map(({ image_id }) => image_id)).toEqual(["a", "b"]);
  });

  it("finds a slice, and says where it stands", () => {
    expect(placeOf(stacks, "high")).toMatchObject({ at: 1, slice: 2 });
    expect(placeOf(stacks, "nowhere")).toBeNull();
    expect(sliceText(stacks, "middle")).toBe("2 of 3");
    expect(sliceText(stacks, "scout")).toBeNull();
  });

  it("goes from the middle outwards", () => {
    expect(stacks[1] && fromMiddle(stacks[1]).map(({ image_id }) => image_id)).toEqual([
      "middle",
      "low",
      "high",
    ]);
  });

  it("opens a stack in its middle", () => {
    expect(stacks.map((stack) => middleOf(stack)?.image_id)).toEqual(["scout", "middle", "other"]);
  });
});
