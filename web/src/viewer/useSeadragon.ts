// Holds one OpenSeadragon viewer to one element: opens pictures, keeps the view across frames and windows.

import type OpenSeadragon from "openseadragon";
import { type RefObject, useCallback, useEffect, useRef, useState } from "react";
import type { ApiError } from "../api/client";
import type { Window } from "../api/urls";
import { asApiError } from "../app/load";
import type { Orientation } from "./orientation";
import { Projection } from "./projection";
import { makeViewer, replacePicture, tendNavigator, wheelSteps } from "./seadragon";
import { pictureSource } from "./source";

export interface Shown {
  imageId: string;
  frame: number;
  window: Window | null;
  orientation: Orientation;
  /** Pictures of one series lie alike: from one to the next the view stays. */
  series: string;
  navigator: boolean;
  /** Whether the plain wheel leafs; otherwise it zooms, and leafs with Shift or Alt. */
  wheelLeafs: boolean;
}

export interface SeadragonView {
  projection: Projection | null;
  error: ApiError | null;
  loading: boolean;
  viewer: () => OpenSeadragon.Viewer | null;
}

export function useSeadragon(
  element: RefObject<HTMLDivElement | null>,
  shown: Shown,
  onLeaf: (step: number) => void,
): SeadragonView {
  const viewerRef = useRef<OpenSeadragon.Viewer | null>(null);
  const openSeries = useRef<string | null>(null);
  const latest = useRef({ onLeaf, shown });
  const tend = useRef(() => {});
  const [projection, setProjection] = useState<Projection | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const [loading, setLoading] = useState(true);
  useEffect(() => {
    latest.current = { onLeaf, shown };
  });

  useEffect(() => {
    if (!element.current) return;
    const viewer = makeViewer(element.current);
    const steps = wheelSteps();
    viewer.addHandler("canvas-scroll", (event) => {
      const original = event.originalEvent as WheelEvent;
      const leafs = latest.current.shown.wheelLeafs && !original.ctrlKey && !original.metaKey;
      if (!leafs && !original.shiftKey && !original.altKey) return;
      event.preventDefaultAction = true;
      original.preventDefault();
      const step = steps(original);
      if (step !== 0) latest.current.onLeaf(step);
    });
    tend.current = tendNavigator(viewer, () => latest.current.shown.navigator);
    viewerRef.current = viewer;
    return () => {
      viewerRef.current = null;
      openSeries.current = null;
      viewer.destroy();
    };
  }, [element]);

  const { imageId, frame, navigator } = shown;
  const { degrees, flipped } = shown.orientation;
  const center = shown.window?.center;
  const width = shown.window?.width;
  useEffect(() => {
    const abort = new AbortController();
    const window = center !== undefined && width !== undefined ? { center, width } : null;
    const fail = (cause: unknown) => {
      if (abort.signal.aborted) return;
      setError(asApiError(cause));
      setLoading(false);
    };
    setLoading(true);
    setError(null);
    pictureSource(imageId, frame, window, abort.signal).then(({ size, tileSource }) => {
      const viewer = viewerRef.current;
      if (abort.signal.aborted || !viewer) return;
      viewer.addTiledImage({
        tileSource: tileSource as OpenSeadragon.TileSource,
        x: 0,
        y: 0,
        width: 1,
        success: (event: unknown) => {
          const item = (event as { item: OpenSeadragon.TiledImage }).item;
          if (abort.signal.aborted || viewerRef.current !== viewer) {
            viewer.world?.removeItem(item);
            return;
          }
          const content = item.getContentSize();
          const kind = `${latest.current.shown.series} ${content.x}x${content.y}`;
          replacePicture(viewer, item, openSeries.current === kind);
          openSeries.current = kind;
          setProjection(new Projection(viewer, item, size ?? { width: content.x, height: content.y }));
          setLoading(false);
        },
        error: () =>
          fail(new Error("This picture cannot be shown. It may have left the library, or expired.")),
      } as unknown as Parameters<typeof viewer.addTiledImage>[0]);
    }, fail);
    return () => abort.abort();
  }, [imageId, frame, center, width]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: a picture just opened is laid as the pane is
  useEffect(() => {
    const viewport = viewerRef.current?.viewport;
    if (!viewport) return;
    // At once: a box drawn on a picture half way round would lie nowhere.
    if (viewport.getRotation() !== degrees) viewport.setRotation(degrees, true);
    if (viewport.getFlip() !== flipped) viewport.setFlip(flipped);
    viewerRef.current?.forceRedraw();
  }, [degrees, flipped, projection]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the switch decides whether it is seen
  useEffect(() => tend.current(), [navigator, projection]);

  const viewer = useCallback(() => viewerRef.current, []);
  return { projection, error, loading, viewer };
}
