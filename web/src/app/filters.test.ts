import { describe, expect, it } from "vitest";
import {
  chosenValues,
  describeFilter,
  formatFilter,
  inReadingOrder,
  parseFilter,
  toggleValue,
} from "./filters";

describe("filters", () => {
  it("gathers values of one fact as alternatives, in place", () => {
    const one = toggleValue(["sex=F", "age=40..60"], "sex", "M");
    expect(one).toEqual(["sex=F|M", "age=40..60"]);
    expect(toggleValue(one, "sex", "F")).toEqual(["sex=M", "age=40..60"]);
    expect(toggleValue(["sex=M"], "sex", "M")).toEqual([]);
  });

  it("leaves what is excluded alone", () => {
    const filters = toggleValue(["label!=normal"], "label", "effusion");
    expect(filters).toEqual(["label!=normal", "label=effusion"]);
    expect(chosenValues(filters, "label")).toEqual(["effusion"]);
  });

  it("keeps a bar or a backslash of the value itself apart from those of the filter", () => {
    const [one = ""] = toggleValue([], "label", "diagnosis: a|b");
    expect(one).toBe("label=diagnosis: a\\|b");
    expect(chosenValues([one], "label")).toEqual(["diagnosis: a|b"]);
    expect(describeFilter(one)).toBe("Label: diagnosis: a|b");
    const two = toggleValue([one], "label", "c\\");
    expect(two).toEqual(["label=diagnosis: a\\|b|c\\\\"]);
    expect(toggleValue(two, "label", "diagnosis: a|b")).toEqual(["label=c\\\\"]);
    for (const value of ["|", "\\", "a\\|b", "\\\\||", "😀|\n"]) {
      const written = formatFilter({ key: "label", negated: true, values: [value, "x"] });
      expect(parseFilter(written)?.values).toEqual([value, "x"]);
    }
    // A backslash that was typed before anything else is one.
    expect(parseFilter("label=a\\b")?.values).toEqual(["a\\b"]);
  });

  it("reads as words", () => {
    expect(describeFilter("modality=CT|MR")).toBe("Modality: CT or MR");
    expect(describeFilter("label!=effusion")).toBe("Label: not effusion");
    expect(describeFilter("age=40..")).toBe("Age: from 40");
    expect(describeFilter("body_part=left_knee")).toBe("Body part: left knee");
  });

  it("takes decades of age as the service writes them, youngest first", () => {
    const facet = inReadingOrder({
      key: "age",
      values: [
        { value: "100..109", cases: 9 },
        { value: "40..49", cases: 3 },
      ],
    });
    expect(facet.values.map(({ value }) => value)).toEqual(["40..49", "100..109"]);
    expect(toggleValue([], facet.key, "40..49")).toEqual(["age=40..49"]);
    expect(describeFilter("age=40..49")).toBe("Age: 40 – 49");
  });
});
