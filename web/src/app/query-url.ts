// The whole query lives in the page's address, so that back, forward, reload and a sent link all work.
//
//   /?q=words &image=i-…|q-… &frame= &box=x,y,w,h &case=ID &like=ID &unlike=ID &f=key=value … &way= &top= &all= &anykind=
//    &samepatient= &median= &dups= &open=i-… &of=frame &beside=
//
// `image` may repeat; `frame` and `box` belong to the `image` before them. `open` is the picture in the viewer,
// `beside` whether the query's picture stands beside it (left out: where there is room).

import type { Box, ImageQuery, SearchRequest, Way } from "../api/types";

export interface PageQuery {
  text: string;
  images: ImageQuery[];
  case: string | null;
  /** Cases marked as relevant. */
  relevant: string[];
  /** Cases marked as not relevant. */
  notRelevant: string[];
  filters: string[];
  ways: Way[];
  top: number | null;
  /** Show the nearest cases even where none is better than chance. */
  all: boolean;
  /** Compare pictures with those of other kinds too. */
  anyModality: boolean;
  /** Let other cases of the example case's patient answer. */
  samePatient: boolean;
  /** Compare a question of many pictures by the median of its pictures' best instead of their mean. */
  median: boolean;
  /** Show cases with the same picture each for itself. */
  keepDuplicates: boolean;
  /** True for "show me the library": cases in order, without a question. */
  browse: boolean;
  open: { image: string; frame: number; beside?: boolean } | null;
}

export const EMPTY_QUERY: PageQuery = {
  text: "",
  images: [],
  case: null,
  relevant: [],
  notRelevant: [],
  filters: [],
  ways: [],
  top: null,
  all: false,
  anyModality: false,
  samePatient: false,
  median: false,
  keepDuplicates: false,
  browse: false,
  open: null,
};

const WAYS: readonly Way[] = ["report", "label", "image", "text_to_image"];

function wholeNumber(value: string | null | undefined): number | null {
  return value != null && /^\d{1,9}$/.test(value) ? Number(value) : null;
}

/** Reads `x,y,w,h`; anything else is no box. */
export function parseBox(value: string): Box | null {
  const parts = value.split(",").map((part) => wholeNumber(part.trim()));
  const [x, y, width, height] = parts;
  if (parts.length !== 4 || x == null || y == null || !width || !height) return null;
  return [x, y, width, height];
}

/** Reads a query from an address; what it does not understand it leaves out. */
export function parseQuery(search: string): PageQuery {
  const query: PageQuery = {
    ...EMPTY_QUERY,
    images: [],
    relevant: [],
    notRelevant: [],
    filters: [],
    ways: [],
  };
  let openFrame = 0;
  let beside: boolean | undefined;
  for (const [key, value] of new URLSearchParams(search)) {
    const last = query.images.at(-1);
    if (key === "q") query.text = value;
    else if (key === "image" && value) query.images.push({ image_id: value });
    else if (key === "frame" && last) last.frame = wholeNumber(value) || undefined;
    else if (key === "box" && last) last.box = parseBox(value) ?? undefined;
    else if (key === "case" && value) query.case = value;
    else if (key === "like" && value) query.relevant.push(value);
    else if (key === "unlike" && value) query.notRelevant.push(value);
    else if (key === "f" && value) query.filters.push(value);
    else if (key === "way" && (WAYS as string[]).includes(value)) query.ways.push(value as Way);
    else if (key === "top") query.top = wholeNumber(value);
    else if (key === "all") query.all = true;
    else if (key === "anykind") query.anyModality = true;
    else if (key === "samepatient") query.samePatient = true;
    else if (key === "median") query.median = true;
    else if (key === "dups") query.keepDuplicates = true;
    else if (key === "browse") query.browse = true;
    else if (key === "open" && value) query.open = { image: value, frame: 0 };
    else if (key === "of") openFrame = wholeNumber(value) ?? 0;
    else if (key === "beside") beside = value === "1";
  }
  if (query.open) query.open = { ...query.open, frame: openFrame, ...(beside !== undefined && { beside }) };
  return query;
}

/** Writes a query as the search part of an address; empty for the start page. */
export function formatQuery(query: PageQuery): string {
  const params = new URLSearchParams();
  if (query.text) params.append("q", query.text);
  for (const image of query.images) {
    params.append("image", image.image_id);
    if (image.frame) params.append("frame", String(image.frame));
    if (image.box) params.append("box", image.box.join(","));
  }
  if (query.case) params.append("case", query.case);
  for (const id of query.relevant) params.append("like", id);
  for (const id of query.notRelevant) params.append("unlike", id);
  for (const filter of query.filters) params.append("f", filter);
  for (const way of query.ways) params.append("way", way);
  if (query.top) params.append("top", String(query.top));
  if (query.all) params.append("all", "1");
  if (query.anyModality) params.append("anykind", "1");
  if (query.samePatient) params.append("samepatient", "1");
  if (query.median) params.append("median", "1");
  if (query.keepDuplicates) params.append("dups", "1");
  if (query.browse && !hasQuestion(query)) params.append("browse", "1");
  if (query.open) {
    params.append("open", query.open.image);
    if (query.open.frame) params.append("of", String(query.open.frame));
    if (query.open.beside !== undefined) params.append("beside", query.open.beside ? "1" : "0");
  }
  // Commas, equals signs and slashes are legal in a query string; written plainly the address can be read.
  const written = params.toString().replaceAll("%2C", ",").replaceAll("%3D", "=").replaceAll("%2F", "/");
  return written ? `?${written}` : "";
}

export const queryHref = (query: PageQuery): string => `/${formatQuery(query)}`;

/** Whether there is something to search for; filters alone only narrow a list. */
export const hasQuestion = (query: PageQuery): boolean =>
  query.text.trim() !== "" || query.images.length > 0 || query.case !== null || query.relevant.length > 0;

/** The query with a case marked, in the one way that is asked for, or not at all. */
export function withMark(
  query: PageQuery,
  caseId: string,
  mark: "relevant" | "not relevant" | null,
): PageQuery {
  const without = (ids: string[]) => ids.filter((id) => id !== caseId);
  return {
    ...query,
    relevant: [...without(query.relevant), ...(mark === "relevant" ? [caseId] : [])],
    notRelevant: [...without(query.notRelevant), ...(mark === "not relevant" ? [caseId] : [])],
  };
}

/** Whether the start page gives way to a list of cases. */
export const isStart = (query: PageQuery): boolean =>
  !hasQuestion(query) && !query.browse && query.filters.length === 0;

/** The request that the service understands, without what is the page's own. */
export function toRequest(query: PageQuery): SearchRequest {
  const request: SearchRequest = {};
  const text = query.text.trim();
  if (text) request.text = text;
  if (query.images.length > 0) {
    request.images = query.images.map(({ image_id, frame, box }) => ({
      image_id,
      ...(frame == null ? {} : { frame }),
      ...(box ? { box } : {}),
    }));
  }
  if (query.case) request.case = query.case;
  if (query.filters.length > 0) request.filters = query.filters;
  if (query.ways.length > 0) request.ways = query.ways;
  if (query.top) request.top = query.top;
  if (query.all) request.all = true;
  if (query.anyModality) request.any_modality = true;
  if (query.samePatient && (query.case || query.relevant.length > 0)) request.same_patient = true;
  if (query.relevant.length > 0) request.relevant = query.relevant;
  if (query.notRelevant.length > 0 && hasQuestion(query)) request.not_relevant = query.notRelevant;
  if (query.median) request.aggregate = "median";
  if (query.keepDuplicates) request.keep_duplicates = true;
  return request;
}
