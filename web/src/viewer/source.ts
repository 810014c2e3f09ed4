// What OpenSeadragon is to show: tiles of a picture of the library, or one JPEG of a query picture.

import { api } from "../api/client";
import { isQueryPicture, renderedUrl, tileUrl, type Window } from "../api/urls";
import { knownQueryPicture } from "../search/query-pictures";
import type { Size } from "./geometry";

/** Longest side asked of a query picture; it is one JPEG, not tiles. */
const QUERY_PICTURE_SIZE_PX = 4096;

export interface PictureSource {
  /** Size of the picture itself, in which boxes are counted; null where only the JPEG can tell. */
  size: Size | null;
  tileSource: object;
}

export async function pictureSource(
  imageId: string,
  frame: number,
  window: Window | null,
  signal: AbortSignal,
): Promise<PictureSource> {
  if (isQueryPicture(imageId)) {
    const known = knownQueryPicture(imageId);
    const size = known ? { width: known.width_px, height: known.height_px } : null;
    const longest = size
      ? Math.min(QUERY_PICTURE_SIZE_PX, Math.max(size.width, size.height))
      : QUERY_PICTURE_SIZE_PX;
    return { size, tileSource: { type: "image", url: renderedUrl(imageId, { frame, size: longest }) } };
  }
  const pyramid = await api.pyramid(imageId, frame, signal);
  return {
    size: { width: pyramid.width_px, height: pyramid.height_px },
    tileSource: {
      width: pyramid.width_px,
      height: pyramid.height_px,
      tileSize: pyramid.tile_px,
      tileOverlap: pyramid.overlap_px,
      minLevel: 0,
      maxLevel: pyramid.levels - 1,
      getTileUrl: (level: number, x: number, y: number) => tileUrl(imageId, frame, { level, x, y }, window),
    },
  };
}
