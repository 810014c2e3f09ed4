import { describe, expect, it } from "vitest";
import { chosenValues, describeFilter, inReadingOrder, toggleValue } from "./filters";

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
