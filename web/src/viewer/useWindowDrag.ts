// Window by dragging: the right button always, the first button or a finger while the window tool is on.

import { type RefObject, useEffect, useRef } from "react";
import type { Window } from "../api/urls";
import { toastError } from "../app/toasts";
import { valuesOf } from "./window-probe";
import { dragWindow } from "./windows";

interface WindowDrag {
  /** Whether the picture is grey. */
  enabled: boolean;
  tool: boolean;
  imageId: string;
  frame: number;
  window: Window | null;
  /** The window that the file names; measured where it names none. */
  own: Window | null;
  onWindow: (window: Window) => void;
}

const RIGHT_BUTTON = 2;

export function useWindowDrag(element: RefObject<HTMLElement | null>, options: WindowDrag): void {
  const latest = useRef(options);
  useEffect(() => {
    latest.current = options;
  });
  useEffect(() => {
    const target = element.current;
    if (!target) return;
    let drag: { pointer: number; x: number; y: number; dx: number; dy: number; base: Window | null } | null =
      null;
    const apply = () => {
      if (drag?.base) latest.current.onWindow(dragWindow(drag.base, drag.dx, drag.dy));
    };
    const begin = (event: PointerEvent) => {
      const { enabled, tool, imageId, frame, window, own } = latest.current;
      const ours = event.button === RIGHT_BUTTON || (tool && event.button === 0);
      const onControl = event.target instanceof Element && event.target.closest("button, input, .navigator");
      if (!enabled || !ours || onControl || drag) return;
      event.preventDefault();
      // Before OpenSeadragon and the boxes hear of it.
      event.stopPropagation();
      target.setPointerCapture(event.pointerId);
      const begun = {
        pointer: event.pointerId,
        x: event.clientX,
        y: event.clientY,
        dx: 0,
        dy: 0,
        base: window ?? own,
      };
      drag = begun;
      if (begun.base) return;
      valuesOf(imageId, frame, null).then((values) => {
        begun.base = values?.own ?? null;
        // The finger may have left already: where it went still counts.
        if (begun.base && (begun.dx !== 0 || begun.dy !== 0))
          latest.current.onWindow(dragWindow(begun.base, begun.dx, begun.dy));
      }, toastError);
    };
    const move = (event: PointerEvent) => {
      if (drag?.pointer !== event.pointerId) return;
      event.stopPropagation();
      drag.dx = event.clientX - drag.x;
      drag.dy = event.clientY - drag.y;
      apply();
    };
    const end = (event: PointerEvent) => {
      if (drag?.pointer !== event.pointerId) return;
      event.stopPropagation();
      drag = null;
    };
    const menu = (event: Event) => latest.current.enabled && event.preventDefault();
    target.addEventListener("pointerdown", begin, true);
    target.addEventListener("pointermove", move, true);
    target.addEventListener("pointerup", end, true);
    target.addEventListener("pointercancel", end, true);
    target.addEventListener("contextmenu", menu);
    return () => {
      target.removeEventListener("pointerdown", begin, true);
      target.removeEventListener("pointermove", move, true);
      target.removeEventListener("pointerup", end, true);
      target.removeEventListener("pointercancel", end, true);
      target.removeEventListener("contextmenu", menu);
    };
  }, [element]);
}
