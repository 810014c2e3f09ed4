// The pictures of a case: a strip of thumbnails and one to four of them large.

import { useRef, useState } from "react";
import type { Box, ImageRecord } from "../api/types";
import { useShortcuts } from "../app/keyboard";
import { EMPTY_QUERY, queryHref } from "../app/query-url";
import { navigate } from "../app/router";
import { useBench } from "../viewer/bench";
import { benchKeys } from "../viewer/bench-keys";
import { Panes } from "../viewer/Pane";
import { Strip } from "../viewer/Strip";
import type { Slot } from "../viewer/slot";
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
  return kept.length > 0 ? kept : [{ key: "pane-0", imageId: images[0]?.image_id ?? "", frame: 0 }];
}

const looksAtFirst = () =>
  Object.fromEntries(parsePanes(window.location.hash).map((pane, at) => [`pane-${at}`, pane]));

export default function CaseViewer({ images }: { images: ImageRecord[] }) {
  const root = useRef<HTMLDivElement>(null);
  const [places, setPlaces] = useState(() => placesAtFirst(images));
  const next = useRef(MOST_PANES);
  const put = (key: string, change: Partial<Place>) =>
    setPlaces((before) => before.map((place) => (place.key === key ? { ...place, ...change } : place)));

  const slots = places.flatMap(({ key, imageId, frame }): Slot[] => {
    const at = images.findIndex(({ image_id }) => image_id === imageId);
    const record = images[at];
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
        leaf: {
          at,
          of: images.length,
          to: (place) => put(key, { imageId: images[place]?.image_id ?? imageId, frame: 0 }),
        },
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
  const items = images.map((image, at) => ({
    key: image.image_id,
    imageId: image.image_id,
    name: `Picture ${at + 1}: ${describe(image)}`,
    current: places.some(({ imageId }) => imageId === image.image_id),
    badge: image.frames > 1 ? image.frames : undefined,
    onShow: () => active && put(active.key, { imageId: image.image_id, frame: 0 }),
    onBeside:
      places.length < MOST_PANES && !places.some(({ imageId }) => imageId === image.image_id)
        ? () => {
            const key = `pane-${next.current++}`;
            setPlaces([...places, { key, imageId: image.image_id, frame: 0 }]);
          }
        : undefined,
  }));
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
