// Addresses of pictures. Ids beginning with "q-" are query pictures: in memory for an hour, not in the library.

import type { Box } from "./types";

const BASE = "/api/v1";

export interface Window {
  center: number;
  width: number;
}

export const isQueryPicture = (imageId: string): boolean => imageId.startsWith("q-");

const picturePath = (imageId: string): string =>
  `${BASE}/${isQueryPicture(imageId) ? "query-images" : "images"}/${encodeURIComponent(imageId)}`;

const windowParam = (window: Window | null | undefined): string | null =>
  window ? `${window.center},${window.width}` : null;

export interface RenderOptions {
  frame?: number;
  window?: Window | null;
  size?: number;
  box?: Box | null;
}

/** A picture as JPEG. Query pictures know neither window nor box. */
export function renderedUrl(imageId: string, { frame = 0, window, size, box }: RenderOptions = {}): string {
  const params = new URLSearchParams();
  if (frame > 0) params.set("frame", String(frame));
  if (size) params.set("size", String(size));
  const query = isQueryPicture(imageId);
  const windowed = windowParam(window);
  if (!query && windowed) params.set("window", windowed);
  if (!query && box) params.set("box", box.join(","));
  const search = params.toString();
  return `${picturePath(imageId)}${query ? "" : "/rendered"}${search ? `?${search}` : ""}`;
}

export const thumbnailUrl = (imageId: string): string =>
  isQueryPicture(imageId) ? renderedUrl(imageId, { size: 256 }) : `${picturePath(imageId)}/thumbnail`;

export function tileUrl(
  imageId: string,
  frame: number,
  tile: { level: number; x: number; y: number },
  window?: Window | null,
): string {
  const windowed = windowParam(window);
  const suffix = windowed ? `?window=${encodeURIComponent(windowed)}` : "";
  return `${picturePath(imageId)}/tiles/${frame}/${tile.level}/${tile.x}_${tile.y}.jpg${suffix}`;
}
