// Boxes over a picture: what matched, and the one box that can be drawn, moved, resized and searched.

import { type KeyboardEvent, type PointerEvent, type ReactNode, useEffect, useRef, useState } from "react";
import type { Box } from "../api/types";
import { boxBetween, type Corner, dragCorner, growBox, moveBox, type Point } from "./geometry";
import { cornerSeenAt, type Orientation, toPicture } from "./orientation";
import type { Projection } from "./projection";
import type { SeadragonView } from "./useSeadragon";

export interface Mark {
  box: Box;
  kind: "match" | "query";
}

interface BoxLayerProps {
  view: SeadragonView;
  orientation: Orientation;
  marks: Mark[];
  box: Box | null;
  drawing: boolean;
  onBox: (box: Box | null) => void;
  onDrawn: () => void;
  actions: ReactNode;
}

const CORNERS: readonly Corner[] = ["nw", "ne", "sw", "se"];
const KEYS: Record<string, Point> = {
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
};
/** Room that the action bar needs under a box. */
const ACTIONS_HEIGHT_PX = 56;

type Drag =
  | { kind: "draw"; from: Point; drawn?: boolean }
  | { kind: "move"; from: Point; box: Box }
  | { kind: Corner; box: Box };

/** Draws anew whenever the view moves. */
function useViewport(view: SeadragonView): void {
  const [, setTick] = useState(0);
  const { viewer, projection } = view;
  useEffect(() => {
    const current = viewer();
    if (!current || !projection) return;
    const tick = () => setTick((before) => before + 1);
    current.addHandler("update-viewport", tick);
    current.addHandler("resize", tick);
    return () => {
      current.removeHandler("update-viewport", tick);
      current.removeHandler("resize", tick);
    };
  }, [viewer, projection]);
}

function placed(projection: Projection, [x, y, width, height]: Box) {
  const a = projection.toElement({ x, y });
  const b = projection.toElement({ x: x + width, y: y + height });
  // Turned or mirrored, any corner of the picture's may be the upper left one here.
  const [left, top] = [Math.min(a.x, b.x), Math.min(a.y, b.y)];
  return { left, top, width: Math.abs(b.x - a.x), height: Math.abs(b.y - a.y) };
}

export function BoxLayer({ view, orientation, marks, box, drawing, onBox, onDrawn, actions }: BoxLayerProps) {
  useViewport(view);
  const layer = useRef<HTMLDivElement>(null);
  const drag = useRef<Drag | null>(null);
  const { projection } = view;
  if (!projection) return null;

  const at = (event: PointerEvent): Point => {
    const frame = layer.current?.getBoundingClientRect();
    return projection.toPicture({
      x: event.clientX - (frame?.left ?? 0),
      y: event.clientY - (frame?.top ?? 0),
    });
  };
  const begin = (next: Drag) => (event: PointerEvent) => {
    if (event.button !== 0) return;
    event.preventDefault();
    event.stopPropagation();
    layer.current?.setPointerCapture(event.pointerId);
    drag.current = next;
  };
  const onMove = (event: PointerEvent) => {
    const current = drag.current;
    if (!current) return;
    const to = at(event);
    const { picture } = projection;
    if (current.kind === "draw") {
      const next = boxBetween(current.from, to, picture);
      current.drawn = next !== null;
      onBox(next);
    } else if (current.kind === "move") {
      onBox(moveBox(current.box, { x: to.x - current.from.x, y: to.y - current.from.y }, picture));
    } else onBox(dragCorner(current.box, current.kind, to, picture) ?? current.box);
  };
  const onUp = (event: PointerEvent) => {
    if (!drag.current) return;
    layer.current?.releasePointerCapture(event.pointerId);
    const finished = drag.current.kind === "draw" && drag.current.drawn;
    drag.current = null;
    if (finished) onDrawn();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = KEYS[event.key];
    if (!step || !box) return;
    event.preventDefault();
    event.stopPropagation();
    const unit = Math.max(1, Math.round(4 / projection.zoom));
    const by = toPicture(orientation, { x: step.x * unit, y: step.y * unit });
    // To the right and downwards a box grows, whichever of its sides are seen there.
    const grow = Math.sign(step.x + step.y) * unit;
    const size = by.x !== 0 ? { x: grow, y: 0 } : { x: 0, y: grow };
    onBox(event.shiftKey ? growBox(box, size, projection.picture) : moveBox(box, by, projection.picture));
  };

  const place = box && placed(projection, box);
  return (
    <div
      ref={layer}
      className={drawing ? "boxes boxes-drawing" : "boxes"}
      onPointerDown={(event) => drawing && begin({ kind: "draw", from: at(event) })(event)}
      onPointerMove={onMove}
      onPointerUp={onUp}
      onPointerCancel={onUp}
    >
      {marks.map((mark) => (
        <span
          key={mark.kind + mark.box.join()}
          className={`box-mark box-${mark.kind}`}
          style={placed(projection, mark.box)}
        />
      ))}
      {box && place && (
        <>
          {/* biome-ignore lint/a11y/useSemanticElements: a box on a picture has no element of its own */}
          <div
            className="box-drawn"
            style={place}
            role="group"
            // biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys move and resize the box
            tabIndex={0}
            aria-label={`Region ${box[2]} by ${box[3]} pixels. Arrow keys move it, with Shift they resize it.`}
            onKeyDown={onKeyDown}
            onPointerDown={(event) => begin({ kind: "move", from: at(event), box })(event)}
          >
            {CORNERS.map((corner) => (
              <span
                key={corner}
                className={`box-corner box-${corner}`}
                onPointerDown={begin({ kind: cornerSeenAt(orientation, corner), box })}
              />
            ))}
          </div>
          <div
            className="box-actions"
            style={{
              left: `clamp(8px, ${place.left}px, calc(100% - var(--actions-width) - 8px))`,
              top: `clamp(8px, ${place.top + place.height + 8}px, calc(100% - ${ACTIONS_HEIGHT_PX}px))`,
            }}
            onPointerDown={(event) => event.stopPropagation()}
          >
            {actions}
          </div>
        </>
      )}
    </div>
  );
}
