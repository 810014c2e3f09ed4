// Talks to the service: one function per operation, one error type. Never keeps state, never retries a write.

import type {
  Batch,
  CaseIdentity,
  CaseList,
  CaseRecord,
  Collection,
  CollectionDetail,
  ImageRecord,
  Pyramid,
  QueryImage,
  SearchAnswer,
  SearchRequest,
  Session,
  Status,
} from "./types";

const BASE = "/api/v1";

/** A refusal of the service, in its own words, with the id under which its log has it. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly requestId: string | null,
  ) {
    super(message);
    this.name = "ApiError";
  }
}

/** Turns a failed response into an ApiError, whether or not its body is the service's error shape. */
export async function errorOf(response: Response): Promise<ApiError> {
  const fallbackId = response.headers.get("x-request-id");
  try {
    const body: unknown = await response.json();
    if (body !== null && typeof body === "object" && "message" in body) {
      const { code, message, request_id } = body as { code?: string; message: string; request_id?: string };
      return new ApiError(response.status, code ?? "unknown", message, request_id ?? fallbackId);
    }
  } catch {
    // Not JSON: a proxy in between may have answered.
  }
  return new ApiError(
    response.status,
    "unexpected_answer",
    `The service answered ${response.status}.`,
    fallbackId,
  );
}

/** Fetches, and turns both a refusal and an unreachable service into an ApiError. */
export async function request(path: string, init: RequestInit = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(BASE + path, { credentials: "same-origin", ...init });
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === "AbortError") throw cause;
    throw new ApiError(0, "unreachable", "The service cannot be reached. Is casekin still running?", null);
  }
  if (!response.ok) throw await errorOf(response);
  return response;
}

async function json<T>(path: string, init?: RequestInit): Promise<T> {
  const response = await request(path, init);
  return (await response.json()) as T;
}

function body(method: string, value: unknown, signal?: AbortSignal): RequestInit {
  return { method, headers: { "content-type": "application/json" }, body: JSON.stringify(value), signal };
}

const id = encodeURIComponent;

export const api = {
  status: (signal?: AbortSignal) => json<Status>("/status", { signal }),
  session: () => json<Session>("/session"),
  signIn: (token: string) => json<Session>("/session", body("POST", { token })),
  signOut: () => request("/session", { method: "DELETE" }),

  search: (query: SearchRequest, signal?: AbortSignal) =>
    json<SearchAnswer>("/search", body("POST", query, signal)),
  addQueryImage: (picture: Blob, name: string, signal?: AbortSignal) => {
    const form = new FormData();
    form.append("picture", picture, name);
    return json<QueryImage>("/query-images", { method: "POST", body: form, signal });
  },

  cases: (page: number, filters: string[], signal?: AbortSignal) => {
    const params = new URLSearchParams({ page: String(page) });
    for (const filter of filters) params.append("filter", filter);
    return json<CaseList>(`/cases?${params}`, { signal });
  },
  caseRecord: (caseId: string, signal?: AbortSignal) => json<CaseRecord>(`/cases/${id(caseId)}`, { signal }),
  caseIdentity: (caseId: string) => json<CaseIdentity>(`/cases/${id(caseId)}/identity`),
  deleteCase: (caseId: string) => request(`/cases/${id(caseId)}`, { method: "DELETE" }),
  image: (imageId: string, signal?: AbortSignal) => json<ImageRecord>(`/images/${id(imageId)}`, { signal }),
  pyramid: (imageId: string, frame: number, signal?: AbortSignal) =>
    json<Pyramid>(`/images/${id(imageId)}/pyramid?frame=${frame}`, { signal }),

  collections: (signal?: AbortSignal) => json<Collection[]>("/collections", { signal }),
  collection: (collectionId: string, signal?: AbortSignal) =>
    json<CollectionDetail>(`/collections/${id(collectionId)}`, { signal }),
  makeCollection: (name: string) => json<Collection>("/collections", body("POST", { name })),
  renameCollection: (collectionId: string, name: string) =>
    request(`/collections/${id(collectionId)}`, body("PATCH", { name })),
  deleteCollection: (collectionId: string) =>
    request(`/collections/${id(collectionId)}`, { method: "DELETE" }),
  addToCollection: (collectionId: string, caseId: string, note?: string) =>
    request(
      `/collections/${id(collectionId)}/cases`,
      body("POST", note ? { case_id: caseId, note } : { case_id: caseId }),
    ),
  changeItem: (collectionId: string, caseId: string, change: { note?: string; position?: number }) =>
    request(`/collections/${id(collectionId)}/cases/${id(caseId)}`, body("PATCH", change)),
  removeItem: (collectionId: string, caseId: string) =>
    request(`/collections/${id(collectionId)}/cases/${id(caseId)}`, { method: "DELETE" }),

  batch: (batchId: string, signal?: AbortSignal) => json<Batch>(`/batches/${id(batchId)}`, { signal }),
  launch: (by: "study" | "accession", value: string) =>
    json<{ case_ids: string[] }>(`/launch?${new URLSearchParams({ [by]: value })}`),
};

/** Where a collection's table is downloaded. */
export const collectionCsvUrl = (collectionId: string): string =>
  `${BASE}/collections/${id(collectionId)}/export.csv`;

/** Uploads files for ingest, telling how far the bytes have come; fetch cannot tell that, so XHR does it. */
export function uploadFiles(
  form: FormData,
  onProgress: (share: number) => void,
): Promise<{ batch_id: string }> {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    xhr.open("POST", `${BASE}/ingest`);
    xhr.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
    xhr.onerror = () =>
      reject(new ApiError(0, "unreachable", "The upload was cut off. Nothing was acknowledged.", null));
    xhr.onload = () => {
      if (xhr.status >= 200 && xhr.status < 300) {
        resolve(JSON.parse(xhr.responseText) as { batch_id: string });
      } else {
        const headers = new Headers();
        const requestId = xhr.getResponseHeader("x-request-id");
        if (requestId) headers.set("x-request-id", requestId);
        errorOf(new Response(xhr.responseText, { status: xhr.status, headers })).then(reject, reject);
      }
    };
    xhr.send(form);
  });
}
