// The viewer over the results: the picture that matched, and the query's picture beside it.

import { useCallback, useEffect, useRef, useState } from "react";
import { createPortal } from "react-dom";
import type { Box, Hit, ImageQuery } from "../api/types";
import { isQueryPicture, thumbnailUrl } from "../api/urls";
import { useShortcuts } from "../app/keyboard";
import { EMPTY_QUERY, hasQuestion, type PageQuery, queryHref } from "../app/query-url";
import { Link, navigate } from "../app/router";
import { useImageRecord } from "../search/HitPicture";
import { knownQueryPicture } from "../search/query-pictures";
import { Icon } from "../ui/icons";
import { Picture } from "../ui/parts";
import { isWhole } from "./geometry";
import { Pane } from "./Pane";
import { useViewerTools, ViewerTools } from "./ViewerTools";
import { presetsFor } from "./windows";

interface OverlayProps {
  query: PageQuery;
  open: { image: string; frame: number };
  hits: Hit[];
  onClose: () => void;
}

interface Drawn {
  image: string;
  frame: number;
  box: Box;
}

/** Below this the two pictures would be too narrow to compare side by side. */
const COMPARE_FROM = "(min-width: 800px)";

export default function ViewerOverlay({ query, open, hits, onClose }: OverlayProps) {
  const dialog = useRef<HTMLElement>(null);
  const record = useImageRecord(open.image);
  const hit = hits.find(({ views }) => views.some(({ image_id }) => image_id === open.image)) ?? null;
  const view =
    hit?.views.find(({ image_id, frame }) => image_id === open.image && frame === open.frame) ??
    hit?.views.find(({ image_id }) => image_id === open.image);
  const asked = query.images[0] ?? null;
  const [compare, setCompare] = useState(() => asked !== null && matchMedia(COMPARE_FROM).matches);
  const [drawing, setDrawing] = useState(false);
  const [drawn, setDrawn] = useState<Drawn | null>(null);
  const frames = record?.frames ?? 1;
  const presets = presetsFor(record);
  const tools = useViewerTools();

  const go = useCallback(
    (image: string, frame: number) =>
      navigate(queryHref({ ...query, open: { image, frame } }), { replace: true, keepScroll: true }),
    [query],
  );
  const toHit = (by: number) => {
    const at = hit ? hits.indexOf(hit) + by : 0;
    const next = hits[at]?.views[0];
    if (next) go(next.image_id, next.frame);
  };
  const toFrame = (frame: number) => {
    if (frame !== open.frame) go(open.image, Math.min(frames - 1, Math.max(0, frame)));
  };
  const searchBox = (image: string, frame: number) => (box: Box, add: boolean) => {
    const region: ImageQuery = { image_id: image, frame: frame || undefined, box };
    const base = add ? query : { ...EMPTY_QUERY, filters: query.filters };
    // A region of a picture that the query holds takes the place of the whole picture.
    const kept = base.images.filter((other) => other.image_id !== image || (other.frame ?? 0) !== frame);
    navigate(queryHref({ ...base, images: [...kept, region], browse: false, open: null }));
  };

  useShortcuts({
    Escape: () => {
      if (drawing) setDrawing(false);
      else if (drawn) setDrawn(null);
      else onClose();
    },
    b: () => setDrawing(!drawing),
    x: () => asked && setCompare(!compare),
    j: () => toHit(1),
    k: () => toHit(-1),
    Enter: (event) => {
      if (!drawn || (event.target instanceof Element && event.target.closest("a, button, input, select")))
        return;
      searchBox(drawn.image, drawn.frame)(drawn.box, false);
    },
    ...(frames > 1 && {
      ArrowRight: () => toFrame(open.frame + 1),
      ArrowDown: () => toFrame(open.frame + 1),
      ArrowLeft: () => toFrame(open.frame - 1),
      ArrowUp: () => toFrame(open.frame - 1),
      Home: () => toFrame(0),
      End: () => toFrame(frames - 1),
    }),
    ...tools.keys(presets),
  });
  useOverlayFocus(dialog);

  const size = record && { width: record.width_px, height: record.height_px };
  const mark = view && size && !isWhole(view.box, size) ? view : null;
  const similarity = view?.similarity;
  const boxOf = (image: string, frame: number) =>
    drawn?.image === image && drawn.frame === frame ? drawn.box : null;
  const drawOn = (image: string, frame: number) => (box: Box | null) =>
    setDrawn(box && { image, frame, box });

  return createPortal(
    <section
      ref={dialog}
      className="viewer"
      role="dialog"
      aria-modal="true"
      aria-label="Viewer"
      tabIndex={-1}
    >
      <header className="viewer-head">
        <div className="viewer-title">
          {hit && <span className="hit-rank">{hit.rank}</span>}
          {hit ? (
            <Link href={`/case/${encodeURIComponent(hit.case_id)}`}>{hit.title}</Link>
          ) : (
            <span>{record?.modality ?? "Picture"}</span>
          )}
        </div>
        <ViewerTools
          tools={tools}
          presets={presets}
          drawing={drawing}
          onDraw={() => setDrawing(!drawing)}
          compare={asked ? compare : null}
          onCompare={() => setCompare(!compare)}
        />
        <div className="viewer-steps">
          <button
            type="button"
            className="button button-icon"
            aria-label="Previous case"
            title="Previous case (k)"
            disabled={!hit || hits.indexOf(hit) === 0}
            onClick={() => toHit(-1)}
          >
            <Icon name="left" />
          </button>
          <button
            type="button"
            className="button button-icon"
            aria-label="Next case"
            title="Next case (j)"
            disabled={!hit || hits.indexOf(hit) === hits.length - 1}
            onClick={() => toHit(1)}
          >
            <Icon name="right" />
          </button>
        </div>
        <button
          type="button"
          className="button button-icon"
          aria-label="Close the viewer"
          title="Close (Esc)"
          onClick={onClose}
        >
          <Icon name="close" />
        </button>
      </header>
      <div className={compare && asked ? "panes panes-two" : "panes"}>
        {compare && asked && (
          <QueryPane
            image={asked}
            drawing={drawing}
            boxOf={boxOf}
            drawOn={drawOn}
            onDrawn={() => setDrawing(false)}
            searchBox={searchBox}
            canAdd={hasQuestion(query)}
          />
        )}
        <Pane
          imageId={open.image}
          frame={open.frame}
          frames={frames}
          window={tools.preset.window}
          mmPerPx={record?.mm_per_px ?? null}
          caption={
            <>
              <strong>{isQueryPicture(open.image) ? "Your picture" : (record?.modality ?? "Picture")}</strong>
              {similarity != null && <span>cosine {similarity.toFixed(2)}</span>}
              {mark && <span className="legend legend-match">matched part</span>}
              {size && (
                <span className="pane-size">
                  {size.width} × {size.height} px
                </span>
              )}
            </>
          }
          marks={mark && mark.frame === open.frame ? [{ box: mark.box, kind: "match" }] : []}
          box={boxOf(open.image, open.frame)}
          drawing={drawing}
          onBox={drawOn(open.image, open.frame)}
          onDrawn={() => setDrawing(false)}
          onFrame={toFrame}
          onSearchBox={searchBox(open.image, open.frame)}
          canAdd={hasQuestion(query)}
          handle={tools.setView}
        />
      </div>
      {hit && hit.views.length > 1 && (
        <nav className="strip" aria-label="Matching parts of this case">
          {hit.views.map((other) => (
            <button
              type="button"
              key={`${other.image_id}-${other.frame}-${other.box.join()}`}
              aria-current={other.image_id === open.image && other.frame === open.frame ? "true" : undefined}
              onClick={() => go(other.image_id, other.frame)}
            >
              <Picture src={thumbnailUrl(other.image_id)} alt={other.modality ?? "Picture"} />
              {other.similarity != null && <span>{other.similarity.toFixed(2)}</span>}
            </button>
          ))}
        </nav>
      )}
    </section>,
    document.body,
  );
}

/** Takes the focus, keeps the page behind still and out of reach, and gives the focus back. */
function useOverlayFocus(element: React.RefObject<HTMLElement | null>): void {
  useEffect(() => {
    const before = document.activeElement;
    const page = document.getElementById("root");
    page?.setAttribute("inert", "");
    element.current?.focus();
    document.documentElement.classList.add("still");
    return () => {
      page?.removeAttribute("inert");
      document.documentElement.classList.remove("still");
      if (before instanceof HTMLElement) before.focus({ preventScroll: true });
    };
  }, [element]);
}

interface QueryPaneProps {
  image: ImageQuery;
  drawing: boolean;
  boxOf: (image: string, frame: number) => Box | null;
  drawOn: (image: string, frame: number) => (box: Box | null) => void;
  onDrawn: () => void;
  searchBox: (image: string, frame: number) => (box: Box, add: boolean) => void;
  canAdd: boolean;
}

function QueryPane({ image, drawing, boxOf, drawOn, onDrawn, searchBox, canAdd }: QueryPaneProps) {
  const [frame, setFrame] = useState(image.frame ?? 0);
  const record = useImageRecord(image.image_id);
  const frames = record?.frames ?? knownQueryPicture(image.image_id)?.frames ?? 1;
  return (
    <Pane
      imageId={image.image_id}
      frame={frame}
      frames={frames}
      mmPerPx={record?.mm_per_px ?? null}
      caption={
        <>
          <strong>Query</strong>
          <span className={image.box ? "legend legend-query" : ""}>
            {image.box ? "searched region" : "whole picture"}
          </span>
        </>
      }
      marks={image.box && frame === (image.frame ?? 0) ? [{ box: image.box, kind: "query" }] : []}
      box={boxOf(image.image_id, frame)}
      drawing={drawing}
      onBox={drawOn(image.image_id, frame)}
      onDrawn={onDrawn}
      onFrame={setFrame}
      onSearchBox={searchBox(image.image_id, frame)}
      canAdd={canAdd}
    />
  );
}
