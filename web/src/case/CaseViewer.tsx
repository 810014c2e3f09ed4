// The pictures of a case: a strip of thumbnails and one to four of them large.

import { useMemo, useRef, useState } from "react";
import type { Box, ImageRecord } from "../api/types";
import { useShortcuts } from "../app/keyboard";
import { EMPTY_QUERY, queryHref } from "../app/query-url";
import { navigate } from "../app/router";
import { useBench } from "../viewer/bench";
import { benchKeys } from "../viewer/bench-keys";
import { leafAmong } from "../viewer/leaf";
import { Panes } from "../viewer/Pane";
import { Strip } from "../viewer/Strip";
import type { Slot } from "../viewer/slot";
import { fromMiddle, middleOf, stacksOf } from "../viewer/stacks";
import { ViewerTools } from "../viewer/ViewerTools";
import { MOST_PANES, parsePanes, useRememberedPanes } from "../viewer/view-hash";

const describe = (image: ImageRecord): string =>
  [image.modality, image.body_part?.toLowerCase(), image.laterality].filter(Boolean).join(" ") || "Picture";

interface Place {
  key: string;
  imageId: string;
  frame: number;
}

const searchBox = (imageId: string, frame: number) => (box: Box) =>
  navigate(queryHref({ ...EMPTY_QUERY, images: [{ image_id: imageId, frame: frame || undefined, box }] }));

/** What the address remembers, as far as the case still has it; the first picture otherwise. */
function placesAtFirst(images: readonly ImageRecord[]): Place[] {
  const kept = parsePanes(window.location.hash).flatMap(({ imageId, frame }, at) => {
    const image = images.find(({ image_id }) => image_id === imageId);
    return image ? [{ key: `pane-${at}`, imageId, frame: Math.min(frame, image.frames - 1) }] : [];
  });
  if (kept.length > 0) return kept;
  const first = stacksOf(images)[0];
  return [{ key: "pane-0", imageId: (first && middleOf(first)?.image_id) ?? "", frame: 0 }];
}

const looksAtFirst = () =>
  Object.fromEntries(parsePanes(window.location.hash).map((pane, at) => [`pane-${at}`, pane]));

export default function CaseViewer({ images }: { images: ImageRecord[] }) {
  const root = useRef<HTMLDivElement>(null);
  const [places, setPlaces] = useState(() => placesAtFirst(images));
  const next = useRef(MOST_PANES);
  const put = (key: string, change: Partial<Place>) =>
    setPlaces((before) => before.map((place) => (place.key === key ? { ...place, ...change } : place)));

  const stacks = useMemo(() => stacksOf(images), [images]);
  const slots = places.flatMap(({ key, imageId, frame }): Slot[] => {
    const record = images.find(({ image_id }) => image_id === imageId);
    if (!record) return [];
    return [
      {
        key,
        imageId,
        frame,
        frames: record.frames,
        record,
        series: record.case_id,
        caption: <Caption image={record} />,
        leaf: leafAmong(stacks, imageId, (next) => put(key, { imageId: next, frame: 0 })),
        onFrame: (to) => put(key, { frame: to }),
        onSearchBox: searchBox(imageId, frame),
        onClose:
          places.length > 1
            ? () => setPlaces((before) => before.filter((place) => place.key !== key))
            : undefined,
      },
    ];
  });
  const bench = useBench(slots, looksAtFirst);
  const inHand = () => root.current?.matches(":hover, :focus-within") ?? false;
  useShortcuts(benchKeys(bench, () => {}, inHand));
  useRememberedPanes(
    slots.map((slot) => ({ imageId: slot.imageId, frame: slot.frame, ...bench.lookOf(slot) })),
  );

  const { active } = bench;
  const addPane = (imageId: string) => {
    const key = `pane-${next.current++}`;
    setPlaces([...places, { key, imageId, frame: 0 }]);
  };
  const items = stacks.map((stack, at) => {
    const image = middleOf(stack) as ImageRecord;
    const many = stack.images.length > 1;
    // Of a series another slice can stand beside: from the middle outwards, one that is not there yet.
    const fresh = fromMiddle(stack).find(
      ({ image_id }) => !places.some(({ imageId }) => imageId === image_id),
    );
    const holds = (imageId: string) => stack.images.some(({ image_id }) => image_id === imageId);
    return {
      key: stack.key,
      imageId: image.image_id,
      name: many
        ? `Series ${at + 1}: ${describe(image)}, ${stack.images.length} slices`
        : `Picture ${at + 1}: ${describe(image)}`,
      current: places.some(({ imageId }) => holds(imageId)),
      badge: many ? stack.images.length : image.frames > 1 ? image.frames : undefined,
      onShow: () => {
        if (active && !(many && holds(active.imageId)))
          put(active.key, { imageId: image.image_id, frame: 0 });
      },
      onBeside: fresh && places.length < MOST_PANES ? () => addPane(fresh.image_id) : undefined,
    };
  });
  if (!active) return null;
  return (
    <div ref={root} className="case-viewer">
      <ViewerTools bench={bench} />
      <Panes bench={bench} />
      {images.length > 1 && <Strip label="Pictures of this case" items={items} />}
    </div>
  );
}

function Caption({ image }: { image: ImageRecord }) {
  return (
    <>
      <strong>{describe(image)}</strong>
      <span className="pane-size">
        {image.width_px} × {image.height_px} px
      </span>
      {image.state !== "encoded" && <span className="pane-state">{image.state}</span>}
    </>
  );
}
