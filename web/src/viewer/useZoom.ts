// What follows the view as it moves: the zoom, and values that may not change too often.

import { useEffect, useRef, useState } from "react";
import type { SeadragonView } from "./useSeadragon";

/** Screen pixels per picture pixel; 0 before a picture is there. */
export function useZoom(view: SeadragonView | null): number {
  const [zoom, setZoom] = useState(0);
  const viewer = view?.viewer;
  const projection = view?.projection ?? null;
  useEffect(() => {
    const current = viewer?.();
    if (!current || !projection) {
      setZoom(0);
      return;
    }
    const update = () => projection.isShown && setZoom(projection.zoom);
    update();
    current.addHandler("update-viewport", update);
    current.addHandler("resize", update);
    return () => {
      current.removeHandler("update-viewport", update);
      current.removeHandler("resize", update);
    };
  }, [viewer, projection]);
  return zoom;
}

/** The value, at most once in `ms`; the last one always comes. */
export function useCalm<T>(value: T, ms: number): T {
  const [calm, setCalm] = useState(value);
  const last = useRef(0);
  useEffect(() => {
    const wait = Math.max(0, last.current + ms - performance.now());
    const timer = setTimeout(() => {
      last.current = performance.now();
      setCalm(value);
    }, wait);
    return () => clearTimeout(timer);
  }, [value, ms]);
  return calm;
}
