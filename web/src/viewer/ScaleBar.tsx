// How large things are on the screen: a bar where the file says it, objective power on slides, percent otherwise.

import { magnificationAt, magnificationText, type Spacing, scaleBar } from "./scale";
import type { SeadragonView } from "./useSeadragon";
import { useZoom } from "./useZoom";

const BAR_MOST_PX = 140;
/** On a narrow pane no longer than this share of it. */
const BAR_MOST_SHARE = 0.4;

interface ScaleBarProps {
  view: SeadragonView;
  mmPerPx: Spacing | null;
  slide: boolean;
  /** A quarter turn lays the picture's columns across the screen. */
  sideways: boolean;
}

export function ScaleBar({ view, mmPerPx, slide, sideways }: ScaleBarProps) {
  const zoom = useZoom(view);
  if (!(zoom > 0)) return null;
  const across = mmPerPx?.[sideways ? 1 : 0] ?? null;
  const paneWidth = view.projection?.element.x ?? 0;
  const bar = scaleBar(zoom, across, Math.min(BAR_MOST_PX, paneWidth * BAR_MOST_SHARE));
  return (
    <span
      className="scale"
      title={
        bar ? "From the pixel spacing of the file" : "No bar: the file does not say how large a pixel is"
      }
    >
      {bar && (
        <>
          <i style={{ width: bar.widthPx }} />
          <span className="scale-length">{bar.text}</span>
        </>
      )}
      <b>
        {slide && across ? magnificationText(magnificationAt(zoom, across)) : `${Math.round(zoom * 100)}%`}
      </b>
    </span>
  );
}
