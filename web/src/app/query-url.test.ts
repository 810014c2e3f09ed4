import { describe, expect, it } from "vitest";
import {
  EMPTY_QUERY,
  formatQuery,
  isStart,
  type PageQuery,
  parseBox,
  parseQuery,
  toRequest,
  withMark,
} from "./query-url";

const FULL: PageQuery = {
  text: 'pleural "ground glass" & more',
  images: [
    { image_id: "i-7", frame: 3, box: [10, 20, 300, 40] },
    { image_id: "q-abc" },
    { image_id: "i-7", box: [0, 0, 8, 8] },
  ],
  case: "c/1 ü",
  relevant: ["c-2", "c-3"],
  notRelevant: ["c-4"],
  filters: ["modality=CT|MR", "age=40..60", "label!=a=b"],
  ways: ["report", "text_to_image"],
  top: 50,
  all: true,
  anyModality: true,
  samePatient: true,
  median: true,
  keepDuplicates: true,
  browse: false,
  open: { image: "i-9", frame: 2 },
};

describe("the query in the address", () => {
  it("comes back as it went in", () => {
    expect(parseQuery(formatQuery(FULL))).toEqual(FULL);
    for (const beside of [true, false]) {
      const compared = { ...FULL, open: { image: "i-9", frame: 0, beside } };
      expect(parseQuery(formatQuery(compared))).toEqual(compared);
    }
  });

  it("marks a case in one way, and takes the mark back without a trace", () => {
    const asked = { ...EMPTY_QUERY, text: "effusion", relevant: ["c-1"] };
    const marked = withMark(asked, "c-2", "relevant");
    expect(formatQuery(marked)).toBe("?q=effusion&like=c-1&like=c-2");
    const turned = withMark(marked, "c-2", "not relevant");
    expect(toRequest(turned)).toEqual({ text: "effusion", relevant: ["c-1"], not_relevant: ["c-2"] });
    expect(withMark(turned, "c-2", null)).toEqual(asked);
  });

  it("is empty for the start page", () => {
    expect(formatQuery(EMPTY_QUERY)).toBe("");
    expect(isStart(parseQuery(""))).toBe(true);
    expect(isStart(parseQuery("?f=modality=CT"))).toBe(false);
  });

  it("can be read by a person", () => {
    expect(formatQuery({ ...EMPTY_QUERY, text: "effusion", filters: ["modality=CT"] })).toBe(
      "?q=effusion&f=modality=CT",
    );
  });

  it("gives frame and box to the picture before them", () => {
    const { images } = parseQuery("?box=1,2,30,40&image=i-1&image=i-2&frame=4&box=5,6,70,80");
    expect(images).toEqual([{ image_id: "i-1" }, { image_id: "i-2", frame: 4, box: [5, 6, 70, 80] }]);
  });

  it("leaves out what it does not understand", () => {
    const query = parseQuery("?image=i-1&frame=-1&box=1,2,3&way=magic&top=many");
    expect(query.images).toEqual([{ image_id: "i-1", frame: undefined, box: undefined }]);
    expect(query.ways).toEqual([]);
    expect(query.top).toBeNull();
  });

  it("refuses boxes that are none", () => {
    expect(parseBox("1,2,0,4")).toBeNull();
    expect(parseBox("1,2,3,4,5")).toBeNull();
    expect(parseBox("1,2,3.5,4")).toBeNull();
    expect(parseBox(" 1, 2,3,4")).toEqual([1, 2, 3, 4]);
  });
});

describe("the request", () => {
  it("holds the question and nothing of the page", () => {
    expect(toRequest({ ...FULL, images: [{ image_id: "i-7" }] })).toEqual({
      text: FULL.text,
      images: [{ image_id: "i-7" }],
      case: "c/1 ü",
      relevant: ["c-2", "c-3"],
      not_relevant: ["c-4"],
      aggregate: "median",
      keep_duplicates: true,
      filters: FULL.filters,
      ways: FULL.ways,
      top: 50,
      all: true,
      any_modality: true,
      same_patient: true,
    });
  });

  it("names a frame only where one alone is asked with", () => {
    const { images } = toRequest(parseQuery("?image=i-1&image=i-2&frame=4"));
    expect(images).toEqual([{ image_id: "i-1" }, { image_id: "i-2", frame: 4 }]);
  });

  it("has no empty fields, which the service would take for a question", () => {
    expect(toRequest({ ...EMPTY_QUERY, text: "  nodule " })).toEqual({ text: "nodule" });
  });
});
