// The pictures of a case: a strip of thumbnails and one of them large.

import { useState } from "react";
import type { Box, ImageRecord } from "../api/types";
import { thumbnailUrl } from "../api/urls";
import { useShortcuts } from "../app/keyboard";
import { EMPTY_QUERY, queryHref } from "../app/query-url";
import { navigate } from "../app/router";
import { Picture } from "../ui/parts";
import { Pane } from "../viewer/Pane";
import { useViewerTools, ViewerTools } from "../viewer/ViewerTools";
import { presetsFor } from "../viewer/windows";

const describe = (image: ImageRecord): string =>
  [image.modality, image.body_part?.toLowerCase(), image.laterality].filter(Boolean).join(" ") || "Picture";

export default function CaseViewer({ images }: { images: ImageRecord[] }) {
  const [at, setAt] = useState(0);
  const [frame, setFrame] = useState(0);
  const [drawing, setDrawing] = useState(false);
  const [box, setBox] = useState<Box | null>(null);
  const tools = useViewerTools();
  const image = images[at] ?? images[0];
  const presets = presetsFor(image ?? null);
  const frames = image?.frames ?? 1;

  const show = (next: number) => {
    if (next < 0 || next >= images.length || next === at) return;
    setAt(next);
    setFrame(0);
    setBox(null);
  };
  const leaf = (by: number) => {
    if (frames > 1) setFrame(Math.min(frames - 1, Math.max(0, frame + by)));
    else show(at + by);
  };
  const search = (region: Box) => {
    if (!image) return;
    const images = [{ image_id: image.image_id, frame: frame || undefined, box: region }];
    navigate(queryHref({ ...EMPTY_QUERY, images }));
  };
  useShortcuts({
    b: () => setDrawing(!drawing),
    Escape: () => (drawing ? setDrawing(false) : setBox(null)),
    Enter: (event) => {
      if (box && !(event.target instanceof Element && event.target.closest("a, button, input, select")))
        search(box);
    },
    ArrowRight: () => leaf(1),
    ArrowLeft: () => leaf(-1),
    ...tools.keys(presets),
  });
  if (!image) return null;
  return (
    <div className="case-viewer">
      <ViewerTools
        tools={tools}
        presets={presets}
        drawing={drawing}
        onDraw={() => setDrawing(!drawing)}
        compare={null}
      />
      <Pane
        imageId={image.image_id}
        frame={frame}
        frames={frames}
        window={presets.length > 0 ? tools.preset.window : null}
        mmPerPx={image.mm_per_px ?? null}
        caption={
          <>
            <strong>{describe(image)}</strong>
            <span className="pane-size">
              {image.width_px} × {image.height_px} px
            </span>
            {image.state !== "encoded" && <span className="pane-state">{image.state}</span>}
          </>
        }
        box={box}
        drawing={drawing}
        onBox={setBox}
        onDrawn={() => setDrawing(false)}
        onFrame={setFrame}
        onSearchBox={search}
        handle={tools.setView}
      />
      {images.length > 1 && (
        <nav className="strip" aria-label="Pictures of this case">
          {images.map((other, place) => (
            <button
              type="button"
              key={other.image_id}
              aria-current={place === at ? "true" : undefined}
              aria-label={`Picture ${place + 1}: ${describe(other)}`}
              onClick={() => show(place)}
            >
              <Picture src={thumbnailUrl(other.image_id)} alt="" />
              {other.frames > 1 && <span>{other.frames}</span>}
            </button>
          ))}
        </nav>
      )}
    </div>
  );
}
