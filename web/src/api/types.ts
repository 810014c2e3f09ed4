// The words of the HTTP API, under the names the page uses.
//
// This is the one file that knows where the types come from: swap the declarations below for
// `export type X = components["schemas"]["X"]` from ./schema (npm run generate) and nothing else changes.

export type Way = "report" | "image" | "text_to_image";

/** x, y, width, height in pixels of the picture. */
export type Box = [number, number, number, number];

export interface ImageQuery {
  image_id: string;
  frame?: number;
  box?: Box | null;
}

export interface SearchRequest {
  text?: string | null;
  images?: ImageQuery[];
  case?: string | null;
  filters?: string[];
  top?: number | null;
  ways?: Way[] | null;
}

export interface ModelSummary {
  id: string;
  name: string;
  profile: string;
  demo: boolean;
}

export interface FoundBy {
  way: Way;
  rank: number;
  score: number;
}

export interface HitView {
  image_id: string;
  path?: string | null;
  similarity?: number | null;
  box: Box;
  frame: number;
  kind: string;
  modality?: string | null;
}

export interface PassagePart {
  text: string;
  mark: boolean;
}

export interface Passage {
  section: string;
  parts: PassagePart[];
}

export interface Hit {
  rank: number;
  case_id: string;
  score: number;
  similarity?: number | null;
  title: string;
  labels: string[];
  modalities: string[];
  body_parts: string[];
  date?: string | null;
  sex?: string | null;
  age_years?: number | null;
  synthetic: boolean;
  found_by: FoundBy[];
  views: HitView[];
  passages: Passage[];
}

export interface FacetValue {
  value: string;
  cases: number;
}

export interface Facet {
  key: string;
  values: FacetValue[];
}

export interface Vote {
  label: string;
  hits: number;
}

export interface Votes {
  hits: number;
  unlabelled: number;
  labels: Vote[];
}

export interface SearchAnswer {
  query: SearchRequest;
  model?: ModelSummary | null;
  stand_in: boolean;
  notices: string[];
  took_ms: number;
  complete: boolean;
  cases_searched: number;
  hits: Hit[];
  facets: Facet[];
  votes: Votes;
}

export interface Status {
  version: string;
  cases: number;
  images: number;
  views: number;
  vectors: number;
  jobs: { queued: number; running: number; done: number; failed: number };
  index: { applied: number; latest: number };
  model?: ModelSummary | null;
  stand_in: boolean;
  coverage: number;
  seconds_left?: number | null;
  reencode?: { model: string; done: number; total: number; seconds_left?: number | null } | null;
  uid_conflicts: number;
  summary_writer: string;
  notices: string[];
}

export type Role = "reader" | "curator" | "admin";

export interface Session {
  auth_required: boolean;
  role?: Role | null;
}

export interface QueryImage {
  id: string;
  width_px: number;
  height_px: number;
  frames: number;
  modality?: string | null;
}

export interface CaseListItem {
  case_id: string;
  title: string;
  labels: string[];
  modalities: string[];
  body_parts: string[];
  date?: string | null;
  sex?: string | null;
  age_years?: number | null;
  synthetic: boolean;
  images: number;
  thumbnail_image_id?: string | null;
}

export interface CaseList {
  total: number;
  page: number;
  cases: CaseListItem[];
}

export interface ImageRecord {
  image_id: string;
  case_id?: string | null;
  format: string;
  modality?: string | null;
  body_part?: string | null;
  laterality?: string | null;
  width_px: number;
  height_px: number;
  frames: number;
  mm_per_px?: [number, number] | null;
  views: number;
  state: "encoded" | "queued" | "failed" | (string & {});
  reason?: string | null;
}

export interface Sentence {
  text: string;
  polarity: string;
}

export interface ReportSection {
  kind: string;
  heading?: string | null;
  sentences: Sentence[];
}

export interface CaseRecord {
  case_id: string;
  title: string;
  labels: string[];
  date?: string | null;
  sex?: string | null;
  age_years?: number | null;
  site?: string | null;
  synthetic: boolean;
  modalities: string[];
  body_parts: string[];
  images: ImageRecord[];
  report?: { language?: string | null; sections: ReportSection[] } | null;
  conflicts: { image_ids: string[] }[];
  collections: { id: string | number; name: string }[];
  pending_images: number;
}

export interface CaseIdentity {
  accession?: string | null;
  study_uid?: string | null;
}

export interface Pyramid {
  width_px: number;
  height_px: number;
  tile_px: number;
  overlap_px: number;
  levels: number;
}

export interface Batch {
  batch_id: string | number;
  state: "reading" | "encoding" | "finished" | (string & {});
  found: number;
  queued: number;
  done: number;
  known: number;
  not_a_picture: number;
  failed: number;
  seconds_left?: number | null;
  reports: number;
  failures: { item: string; reason: string }[];
  conflicts?: number;
}

export interface Collection {
  id: string | number;
  name: string;
  note?: string | null;
  cases: number;
  updated?: string | null;
}

export interface CollectionItem {
  case_id: string;
  title: string;
  labels: string[];
  note?: string | null;
  position: number;
  thumbnail_image_id?: string | null;
}

export interface CollectionDetail extends Collection {
  items: CollectionItem[];
}

export type Verdict =
  | { kind: "supported" }
  | { kind: "not_in_cited_text"; what: string[] }
  | { kind: "no_citation" }
  | { kind: "unknown_citation"; numbers: number[] };

export type SummaryWriter = { kind: "model"; name: string } | { kind: "extractive"; reason?: string | null };

export interface Evidence {
  number: number;
  case_id: string;
  title: string;
}

export type SummaryEvent =
  | { event: "started"; writer: SummaryWriter; evidence: Evidence[] }
  | { event: "sentence"; text: string; citations: number[]; verdict: Verdict }
  | { event: "done"; sentences: number; took_ms: number }
  | { event: "failed"; reason: string };
