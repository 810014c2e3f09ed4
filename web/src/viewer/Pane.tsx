// One picture to zoom, pan, leaf through and draw on.

import { type ReactNode, useEffect, useRef, useState } from "react";
import type { Box } from "../api/types";
import type { Window } from "../api/urls";
import { length } from "../app/format";
import { BoxLayer, type Mark } from "./BoxLayer";
import { roundLength } from "./geometry";
import { type SeadragonView, useSeadragon } from "./useSeadragon";

export interface PaneProps {
  imageId: string;
  frame: number;
  frames: number;
  window?: Window | null;
  mmPerPx?: [number, number] | null;
  caption: ReactNode;
  marks?: Mark[];
  box: Box | null;
  drawing: boolean;
  onBox: (box: Box | null) => void;
  onDrawn: () => void;
  onFrame: (frame: number) => void;
  onSearchBox: (box: Box, add: boolean) => void;
  /** True where the query holds something that a region could join. */
  canAdd?: boolean;
  /** Set by the parent to call zoom and fit from its own keys and buttons. */
  handle?: (view: SeadragonView | null) => void;
}

const NO_MARKS: Mark[] = [];

export function Pane(props: PaneProps) {
  const { imageId, frame, frames, window = null, mmPerPx, box, onBox, handle } = props;
  const element = useRef<HTMLDivElement>(null);
  const step = (by: number) => props.onFrame(Math.min(frames - 1, Math.max(0, frame + by)));
  const view = useSeadragon(element, { imageId, frame, window }, step);
  useEffect(() => {
    handle?.(view);
    return () => handle?.(null);
  });

  const mm = box && mmPerPx ? ` · ${length(box[2] * mmPerPx[0])} × ${length(box[3] * mmPerPx[1])}` : "";
  return (
    <figure className="pane" aria-busy={view.loading}>
      <div className="pane-picture">
        <div
          ref={element}
          className="pane-osd"
          role="img"
          aria-label="Picture; plus and minus zoom, 0 fits"
        />
        <BoxLayer
          view={view}
          marks={props.marks ?? NO_MARKS}
          box={box}
          drawing={props.drawing}
          onBox={onBox}
          onDrawn={props.onDrawn}
          actions={
            box && (
              <>
                <span className="box-size">
                  {box[2]} × {box[3]} px{mm}
                </span>
                <button
                  type="button"
                  className="button button-primary button-small"
                  onClick={() => props.onSearchBox(box, false)}
                >
                  Search this region
                </button>
                {props.canAdd && (
                  <button
                    type="button"
                    className="button button-small"
                    title="Keep words and pictures of the query"
                    onClick={() => props.onSearchBox(box, true)}
                  >
                    Add to query
                  </button>
                )}
                <button
                  type="button"
                  className="button button-small button-icon"
                  aria-label="Remove the box"
                  onClick={() => onBox(null)}
                >
                  ×
                </button>
              </>
            )
          }
        />
        {view.loading && !view.projection && (
          <span className="pane-wait" role="status" aria-label="Loading the picture" />
        )}
        {view.error && (
          <p className="pane-error" role="alert">
            {view.error.message}
          </p>
        )}
        <ScaleBar view={view} mmPerPx={mmPerPx ?? null} />
      </div>
      <figcaption className="pane-caption">
        <div className="pane-words">{props.caption}</div>
        {frames > 1 && (
          <label className="frames">
            <span>
              {frame + 1} / {frames}
            </span>
            <input
              type="range"
              min={0}
              max={frames - 1}
              value={frame}
              aria-label="Frame"
              onChange={(event) => props.onFrame(Number(event.target.value))}
            />
          </label>
        )}
      </figcaption>
    </figure>
  );
}

const BAR_MOST_PX = 120;

function ScaleBar({ view, mmPerPx }: { view: SeadragonView; mmPerPx: [number, number] | null }) {
  const [zoom, setZoom] = useState(0);
  const { viewer, projection } = view;
  useEffect(() => {
    const current = viewer();
    if (!current || !projection) return;
    const update = () => setZoom(projection.zoom);
    update();
    current.addHandler("update-viewport", update);
    return () => current.removeHandler("update-viewport", update);
  }, [viewer, projection]);
  if (!(zoom > 0)) return null;
  const unitPx = mmPerPx ? zoom / mmPerPx[0] : zoom;
  const units = roundLength(BAR_MOST_PX / unitPx);
  const text = mmPerPx ? length(units) : `${units < 1 ? "<1" : units} px`;
  return (
    <span
      className="scale"
      title={mmPerPx ? "From the pixel spacing of the file" : "The file does not say how large a pixel is"}
    >
      <i style={{ width: units * unitPx }} />
      {text} <b>{Math.round(zoom * 100)}%</b>
    </span>
  );
}
