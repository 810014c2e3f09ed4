// One picture to zoom, pan, turn, window, leaf through and draw on.

import { useEffect, useRef } from "react";
import { api } from "../api/client";
import { Icon } from "../ui/icons";
import { BoxActions } from "./BoxActions";
import { BoxLayer, type Mark } from "./BoxLayer";
import type { Bench } from "./bench";
import { ScaleBar } from "./ScaleBar";
import { isSlide } from "./scale";
import { type Leafing, leafBy, leafingOf, type Slot } from "./slot";
import { useSeadragon } from "./useSeadragon";
import { useWindowDrag } from "./useWindowDrag";
import { useCalm } from "./useZoom";
import { ownWindow, windowText } from "./windows";

const NO_MARKS: Mark[] = [];
/** Tiles are asked anew at most so often while a window is dragged. */
const WINDOW_CALM_MS = 120;

export function Panes({ bench }: { bench: Bench }) {
  return (
    <div className={`panes panes-${bench.slots.length}`}>
      {bench.slots.map((slot) => (
        <Pane key={slot.key} slot={slot} bench={bench} />
      ))}
    </div>
  );
}

function Pane({ slot, bench }: { slot: Slot; bench: Bench }) {
  const { imageId, frame, frames, record, series } = slot;
  const element = useRef<HTMLDivElement>(null);
  const picture = useRef<HTMLDivElement>(null);
  const { window, orientation } = bench.lookOf(slot);
  const grey = bench.hasWindow(slot);
  const own = grey ? ownWindow(record, frame) : null;
  const asked = useCalm(window, WINDOW_CALM_MS);
  const view = useSeadragon(
    element,
    {
      imageId,
      frame,
      // Not the window of the picture before.
      window: grey && window ? asked : null,
      orientation,
      series,
      navigator: bench.navigator,
      wheelLeafs: frames > 1 || slot.leaf?.word === "Slice",
    },
    (step) => leafBy(slot, step),
  );
  useReadyAhead(slot.leaf?.ahead, view.loading);
  const { attach } = bench;
  // biome-ignore lint/correctness/useExhaustiveDependencies: only another picture or spacing is another member
  useEffect(() => attach(slot, view), [attach, view.projection, record?.mm_per_px?.[0], slot.key]);
  useWindowDrag(picture, {
    enabled: grey,
    tool: bench.tool === "window",
    imageId,
    frame,
    window,
    own,
    onWindow: (next) => bench.setWindow(slot, next),
  });

  const box = bench.boxOf(slot);
  const mmPerPx = record?.mm_per_px ?? null;
  const many = bench.slots.length > 1;
  const leafing = leafingOf(slot);
  const classes = ["pane", many && bench.active?.key === slot.key ? "pane-active" : ""];
  return (
    <figure
      className={classes.join(" ").trim()}
      aria-busy={view.loading}
      onPointerDownCapture={() => bench.activate(slot.key)}
      onFocusCapture={() => bench.activate(slot.key)}
    >
      <div
        ref={picture}
        className={bench.tool === "window" && grey ? "pane-picture pane-window" : "pane-picture"}
      >
        <div
          ref={element}
          className="pane-osd"
          role="img"
          aria-label="Picture; plus and minus zoom, = fits, ? tells all keys"
        />
        <BoxLayer
          view={view}
          orientation={orientation}
          marks={slot.marks ?? NO_MARKS}
          box={box}
          drawing={bench.tool === "box"}
          onBox={(next) => bench.setBox(slot, next)}
          onDrawn={() => bench.setTool(null)}
          actions={
            box && (
              <BoxActions
                box={box}
                mmPerPx={mmPerPx}
                canAdd={slot.canAdd ?? false}
                onSearch={(add) => slot.onSearchBox(box, add)}
                onRemove={() => bench.setBox(slot, null)}
              />
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
        {many && slot.onClose && (
          <button
            type="button"
            className="button button-icon pane-close"
            aria-label="Close this picture"
            title="Close this picture"
            onClick={slot.onClose}
          >
            <Icon name="close" />
          </button>
        )}
        <div className="pane-readouts">
          {grey && (
            <span className="pane-levels" title="Centre and width of the window; 0 takes the file’s own">
              {window
                ? windowText(window)
                : ["File’s own window", own && windowText(own)].filter(Boolean).join("  ")}
            </span>
          )}
          <ScaleBar
            view={view}
            mmPerPx={mmPerPx}
            slide={isSlide(record)}
            sideways={orientation.degrees % 180 !== 0}
          />
        </div>
      </div>
      <figcaption className="pane-caption">
        <div className="pane-words">{slot.caption}</div>
        {leafing && <LeafSlider {...leafing} />}
      </figcaption>
    </figure>
  );
}

/** Slices that come next are rendered by the service while one looks at this, so that leafing is smooth. */
function useReadyAhead(ahead: readonly string[] | undefined, loading: boolean): void {
  const wanted = loading || !ahead ? "" : ahead.join(" ");
  useEffect(() => {
    const abort = new AbortController();
    // What cannot be made ready says so when it is shown.
    for (const imageId of wanted.split(" ").filter(Boolean))
      api.pyramid(imageId, 0, abort.signal).catch(() => {});
    return () => abort.abort();
  }, [wanted]);
}

function LeafSlider({ word, at, of, to }: Leafing) {
  return (
    <label className="frames">
      <span>
        {word} {at + 1} of {of}
      </span>
      <input
        type="range"
        min={0}
        max={of - 1}
        value={at}
        aria-label={word}
        onChange={(event) => to(Number(event.target.value))}
      />
    </label>
  );
}
