import { describe, expect, it } from "vitest";
import { age, counted, duration, facts, length, percent } from "./format";

describe("numbers", () => {
  it("never call unfinished work finished", () => {
    expect(percent(0.9997)).toBe("99.9%");
    expect(percent(1)).toBe("100%");
    expect(percent(0.0004)).toBe("<1%");
    expect(percent(0)).toBe("0%");
  });

  it("count in words", () => {
    expect(counted(1, "case")).toBe("1 case");
    expect(counted(1200, "case")).toBe("1,200 cases");
    expect(duration(0.2)).toBe("1 s");
    expect(duration(95)).toBe("2 min");
    expect(duration(7260)).toBe("2 h 1 min");
  });

  it("give ages and lengths in the unit people use", () => {
    expect(age(0.05)).toBe("18 d");
    expect(age(0.5)).toBe("6 mo");
    expect(age(64.9)).toBe("64 y");
    expect(length(0.05)).toBe("50 µm");
    expect(length(12.4)).toBe("12 mm");
  });

  it("leave out what is not known", () => {
    expect(facts({ modalities: ["CT"], body_parts: [], sex: null, age_years: null, date: null })).toEqual([
      "CT",
    ]);
    expect(
      facts({ modalities: [], body_parts: ["CHEST"], sex: "F", age_years: 64, date: "2021-03-04" }),
    ).toEqual(["chest", "64 y F", "2021-03-04"]);
  });
});
