import { describe, expect, it } from "vitest";
import { examplesOf } from "../search/Start";
import { routeOf } from "./App";

describe("places", () => {
  it("are found by their address", () => {
    expect(routeOf({ pathname: "/case/a%2Fb", search: "" })).toEqual({ at: "case", id: "a/b" });
    expect(routeOf({ pathname: "/collections/3", search: "" })).toEqual({ at: "collection", id: "3" });
    expect(routeOf({ pathname: "/", search: "?study=1.2.3" })).toEqual({
      at: "launch",
      by: "study",
      value: "1.2.3",
    });
    expect(routeOf({ pathname: "/", search: "?accession=A1" })).toMatchObject({ by: "accession" });
    expect(routeOf({ pathname: "/case/%E0%A4%A", search: "" })).toEqual({ at: "case", id: "%E0%A4%A" });
    expect(routeOf({ pathname: "/else", search: "" })).toEqual({ at: "nowhere" });
  });
});

describe("examples", () => {
  it("come from every modality, the common first, without normal ones", () => {
    const item = (modality: string, ...labels: string[]) => ({
      case_id: "",
      title: "",
      labels,
      modalities: [modality],
      body_parts: [],
      synthetic: true,
      images: 1,
    });
    const cases = [
      item("CT", "nodule"),
      item("CT", "cyst"),
      item("CT", "cyst"),
      item("DX", "effusion", "normal chest"),
      item("DX", "no finding"),
    ];
    expect(examplesOf(cases)).toEqual(["cyst", "effusion", "nodule"]);
  });
});
