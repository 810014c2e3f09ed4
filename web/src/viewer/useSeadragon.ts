// Holds one OpenSeadragon viewer to one element: opens pictures, keeps the view across frames and windows.

import OpenSeadragon from "openseadragon";
import { type RefObject, useCallback, useEffect, useRef, useState } from "react";
import type { ApiError } from "../api/client";
import type { Window } from "../api/urls";
import { asApiError } from "../app/load";
import { Projection } from "./projection";
import { pictureSource } from "./source";

interface Shown {
  imageId: string;
  frame: number;
  window: Window | null;
}

export interface SeadragonView {
  projection: Projection | null;
  error: ApiError | null;
  loading: boolean;
  viewer: () => OpenSeadragon.Viewer | null;
}

function makeViewer(element: HTMLElement): OpenSeadragon.Viewer {
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const viewer = OpenSeadragon({
    element,
    drawer: "canvas",
    showNavigationControl: false,
    animationTime: calm ? 0 : 0.35,
    springStiffness: 9,
    zoomPerScroll: 1.25,
    visibilityRatio: 0.4,
    minZoomImageRatio: 0.7,
    maxZoomPixelRatio: 12,
    gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
    // Pixels are evidence: past their own size they are shown as they are.
    imageSmoothingEnabled: true,
    crossOriginPolicy: false,
  });
  // The page has its own keys; OpenSeadragon's would take letters that mean something else here.
  viewer.addHandler("canvas-key", (event) => {
    event.preventDefaultAction = true;
  });
  return viewer;
}

export function useSeadragon(
  element: RefObject<HTMLDivElement | null>,
  shown: Shown,
  onFrameWheel: (step: number) => void,
): SeadragonView {
  const viewerRef = useRef<OpenSeadragon.Viewer | null>(null);
  const openImage = useRef<string | null>(null);
  const wheel = useRef(onFrameWheel);
  const [projection, setProjection] = useState<Projection | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const [loading, setLoading] = useState(true);
  useEffect(() => {
    wheel.current = onFrameWheel;
  });

  useEffect(() => {
    if (!element.current) return;
    const viewer = makeViewer(element.current);
    viewer.addHandler("canvas-scroll", (event) => {
      const original = event.originalEvent as WheelEvent;
      if (!original.ctrlKey && !original.shiftKey && !original.altKey) return;
      event.preventDefaultAction = true;
      original.preventDefault();
      wheel.current(event.scroll > 0 ? -1 : 1);
    });
    viewerRef.current = viewer;
    return () => {
      viewerRef.current = null;
      openImage.current = null;
      viewer.destroy();
    };
  }, [element]);

  const { imageId, frame } = shown;
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
      const samePicture = openImage.current === imageId;
      // What is shown stays until what comes is drawn: no black flash between frames.
      viewer.addTiledImage({
        tileSource: tileSource as OpenSeadragon.TileSource,
        x: 0,
        y: 0,
        width: 1,
        success: (event: unknown) => {
          const item = (event as { item: OpenSeadragon.TiledImage }).item;
          if (abort.signal.aborted || viewerRef.current !== viewer) {
            viewer.world.removeItem(item);
            return;
          }
          show(viewer, item, samePicture);
          openImage.current = imageId;
          const content = item.getContentSize();
          setProjection(new Projection(item, size ?? { width: content.x, height: content.y }));
          setLoading(false);
        },
        error: () =>
          fail(new Error("This picture cannot be shown. It may have left the library, or expired.")),
      } as unknown as Parameters<typeof viewer.addTiledImage>[0]);
    }, fail);
    return () => abort.abort();
  }, [imageId, frame, center, width]);

  const viewer = useCallback(() => viewerRef.current, []);
  return { projection, error, loading, viewer };
}

function show(viewer: OpenSeadragon.Viewer, item: OpenSeadragon.TiledImage, samePicture: boolean): void {
  const others = Array.from({ length: viewer.world.getItemCount() }, (_, at) =>
    viewer.world.getItemAt(at),
  ).filter((other) => other !== item);
  const drop = () => {
    for (const other of others) if (viewer.world.getIndexOfItem(other) >= 0) viewer.world.removeItem(other);
  };
  if (!samePicture) {
    drop();
    viewer.viewport.goHome(true);
  } else if (item.getFullyLoaded()) drop();
  else item.addOnceHandler("fully-loaded-change", drop);
}
