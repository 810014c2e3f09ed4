// The viewer over the results: the picture that matched, the query's picture beside it, others beside on demand.

import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { createPortal } from "react-dom";
import type { Box, Hit, HitView, ImageQuery, ImageRecord } from "../api/types";
import { isQueryPicture } from "../api/urls";
import { useShortcuts } from "../app/keyboard";
import { EMPTY_QUERY, hasQuestion, type PageQuery, queryHref } from "../app/query-url";
import { navigate } from "../app/router";
import { knownQueryPicture } from "../search/query-pictures";
import { Icon } from "../ui/icons";
import { useBench } from "./bench";
import { benchKeys } from "./bench-keys";
import { isWhole } from "./geometry";
import { leafAmong } from "./leaf";
import { Panes } from "./Pane";
import { useCaseImages, useImageRecords } from "./records";
import { Strip } from "./Strip";
import type { Slot } from "./slot";
import { sliceText, stacksOf } from "./stacks";
import { ViewerHead } from "./ViewerHead";
import { ViewerTools } from "./ViewerTools";
import { MOST_PANES, type PanePlace, parsePanes, useRememberedPanes } from "./view-hash";

interface OverlayProps {
  query: PageQuery;
  open: NonNullable<PageQuery["open"]>;
  hits: Hit[];
  onClose: () => void;
}

interface Extra {
  key: string;
  imageId: string;
  frame: number;
}

/** Below this the two pictures would be too narrow to compare side by side. */
const COMPARE_FROM = "(min-width: 800px)";
const MAIN = "main";
const QUERY = "query";

/** Which remembered pane is which: the open picture, the query's, and what stands beside. */
function rememberedPanes(open: string, asked: string | null): Record<string, PanePlace> {
  const panes: Record<string, PanePlace> = {};
  parsePanes(window.location.hash).forEach((pane, at) => {
    if (pane.imageId === open && !panes[MAIN]) panes[MAIN] = pane;
    else if (pane.imageId === asked && !panes[QUERY]) panes[QUERY] = pane;
    else panes[`beside-${at}`] = pane;
  });
  return panes;
}

export default function ViewerOverlay({ query, open, hits, onClose }: OverlayProps) {
  const dialog = useRef<HTMLElement>(null);
  const asked = query.images[0] ?? null;
  const [remembered] = useState(() => rememberedPanes(open.image, asked?.image_id ?? null));
  const [extras, setExtras] = useState<Extra[]>(() =>
    Object.entries(remembered).flatMap(([key, pane]) =>
      key.startsWith("beside-") ? [{ key, imageId: pane.imageId, frame: pane.frame }] : [],
    ),
  );
  const [queryFrame, setQueryFrame] = useState(remembered[QUERY]?.frame ?? asked?.frame ?? 0);
  const next = useRef(MOST_PANES);
  const compare = asked !== null && (open.beside ?? matchMedia(COMPARE_FROM).matches);
  const recordOf = useImageRecords([
    open.image,
    ...(asked ? [asked.image_id] : []),
    ...extras.map(({ imageId }) => imageId),
  ]);
  const record = recordOf(open.image);
  const hit = hits.find(({ views }) => views.some(({ image_id }) => image_id === open.image)) ?? null;
  const caseId = hit?.case_id ?? record?.case_id ?? null;
  const caseHit = hit ?? hits.find(({ case_id }) => case_id === caseId) ?? null;
  const images = useCaseImages(caseId);

  const go = useCallback(
    (image: string, frame: number, beside = open.beside) =>
      navigate(queryHref({ ...query, open: { image, frame, beside } }), { replace: true, keepScroll: true }),
    [query, open.beside],
  );
  const toHit = (by: number) => {
    const view = caseHit && hits[hits.indexOf(caseHit) + by]?.views[0];
    if (view) go(view.image_id, view.frame);
  };
  const setCompare = (beside: boolean) => asked && go(open.image, open.frame, beside);
  const searchBox = (image: string, frame: number) => (box: Box, add: boolean) => {
    const region: ImageQuery = { image_id: image, frame: frame || undefined, box };
    const base = add ? query : { ...EMPTY_QUERY, filters: query.filters };
    // A region of a picture that the query holds takes the place of the whole picture.
    const kept = base.images.filter((other) => other.image_id !== image || (other.frame ?? 0) !== frame);
    navigate(queryHref({ ...base, images: [...kept, region], browse: false, open: null }));
  };
  const promote = (extra: Extra | undefined) => {
    if (!extra) return;
    setExtras((before) => before.filter((one) => one !== extra));
    go(extra.imageId, extra.frame);
  };
  const slotOf = (key: string, imageId: string, frame: number, rest: Partial<Slot>): Slot => {
    const known = recordOf(imageId);
    return {
      key,
      imageId,
      frame,
      frames: known?.frames ?? knownQueryPicture(imageId)?.frames ?? 1,
      record: known,
      series: known?.case_id ?? imageId,
      caption: <Caption image={known} />,
      onFrame: () => {},
      onSearchBox: searchBox(imageId, frame),
      canAdd: hasQuestion(query),
      ...rest,
    };
  };

  const view =
    hit?.views.find(({ image_id, frame }) => image_id === open.image && frame === open.frame) ??
    hit?.views.find(({ image_id }) => image_id === open.image);
  const size = record && { width: record.width_px, height: record.height_px };
  const mark = view && size && !isWhole(view.box, size) ? view : null;
  const stacks = useMemo(() => stacksOf(images), [images]);
  const slots: Slot[] = [];
  if (compare && asked)
    slots.push(
      slotOf(QUERY, asked.image_id, queryFrame, {
        caption: <QueryCaption image={asked} />,
        marks: asked.box && queryFrame === (asked.frame ?? 0) ? [{ box: asked.box, kind: "query" }] : [],
        onFrame: setQueryFrame,
        onClose: () => setCompare(false),
      }),
    );
  slots.push(
    slotOf(MAIN, open.image, open.frame, {
      series: caseId ?? open.image,
      caption: (
        <Caption image={record} imageId={open.image} similarity={view?.similarity} marked={mark !== null} />
      ),
      marks: mark && mark.frame === open.frame ? [{ box: mark.box, kind: "match" }] : [],
      leaf: leafAmong(stacks, open.image, (image) => go(image, 0)),
      onFrame: (frame) => go(open.image, frame),
      onClose: extras[0] && (() => promote(extras[0])),
    }),
  );
  for (const { key, imageId, frame } of extras.slice(0, MOST_PANES - slots.length))
    slots.push(
      slotOf(key, imageId, frame, {
        onFrame: (to) =>
          setExtras((before) => before.map((one) => (one.key === key ? { ...one, frame: to } : one))),
        onClose: () => setExtras((before) => before.filter((one) => one.key !== key)),
      }),
    );

  const bench = useBench(slots, () => remembered);
  useShortcuts({
    ...benchKeys(bench, onClose, () => true),
    x: () => setCompare(!compare),
    j: () => toHit(1),
    k: () => toHit(-1),
  });
  useOverlayFocus(dialog);
  useRememberedPanes(
    slots.map((slot) => ({ imageId: slot.imageId, frame: slot.frame, ...bench.lookOf(slot) })),
  );

  const besides = (imageId: string, frame: number) =>
    slots.length < MOST_PANES && !slots.some((slot) => slot.imageId === imageId && slot.frame === frame)
      ? () => setExtras([...extras, { key: `beside-${next.current++}`, imageId, frame }])
      : undefined;
  return createPortal(
    <section
      ref={dialog}
      className="viewer"
      role="dialog"
      aria-modal="true"
      aria-label="Viewer"
      tabIndex={-1}
    >
      <ViewerHead
        hit={caseHit}
        title={record?.modality ?? "Picture"}
        at={caseHit ? hits.indexOf(caseHit) : -1}
        of={hits.length}
        onStep={toHit}
        onClose={onClose}
      >
        <ViewerTools bench={bench}>
          {asked && (
            <button
              type="button"
              className={compare ? "button button-on" : "button"}
              aria-pressed={compare}
              title="The query's picture beside this one (x)"
              onClick={() => setCompare(!compare)}
            >
              <Icon name="compare" /> <span className="tool-word">Compare</span>
            </button>
          )}
        </ViewerTools>
      </ViewerHead>
      <Panes bench={bench} />
      {hit && hit.views.length > 1 && (
        <Strip
          label="Matching parts of this case"
          items={hit.views.map((other, at) => ({
            key: `${other.image_id}-${other.frame}-${other.box.join()}`,
            imageId: other.image_id,
            name: `Part ${at + 1}: ${partName(other, sliceText(stacks, other.image_id))}`,
            current: other.image_id === open.image && other.frame === open.frame,
            badge: other.similarity?.toFixed(2),
            onShow: () => go(other.image_id, other.frame),
            onBeside: besides(other.image_id, other.frame),
          }))}
        />
      )}
    </section>,
    document.body,
  );
}

const partName = ({ modality }: HitView, slice: string | null): string =>
  [modality ?? "picture", slice && `slice ${slice}`].filter(Boolean).join(", ");

interface CaptionProps {
  image: ImageRecord | null;
  imageId?: string;
  similarity?: number | null;
  marked?: boolean;
}

function Caption({ image, imageId = "", similarity, marked }: CaptionProps) {
  return (
    <>
      <strong>{isQueryPicture(imageId) ? "Your picture" : (image?.modality ?? "Picture")}</strong>
      {similarity != null && <span>cosine {similarity.toFixed(2)}</span>}
      {marked && <span className="legend legend-match">matched part</span>}
      {image && (
        <span className="pane-size">
          {image.width_px} × {image.height_px} px
        </span>
      )}
    </>
  );
}

function QueryCaption({ image }: { image: ImageQuery }) {
  return (
    <>
      <strong>Query</strong>
      <span className={image.box ? "legend legend-query" : ""}>
        {image.box ? "searched region" : "whole picture"}
      </span>
    </>
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
