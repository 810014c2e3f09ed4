// Buttons and keys of a viewer: draw, fit, zoom, window, compare.

import { useCallback, useRef, useState } from "react";
import type { Shortcuts } from "../app/keyboard";
import { Icon } from "../ui/icons";
import type { SeadragonView } from "./useSeadragon";
import type { Preset } from "./windows";

const AS_STORED: Preset = { name: "As stored", window: null };
const ZOOM_STEP = 1.4;

export interface Tools {
  preset: Preset;
  setPreset: (preset: Preset) => void;
  setView: (view: SeadragonView | null) => void;
  fit: () => void;
  zoom: (by: number) => void;
  keys: (presets: readonly Preset[]) => Shortcuts;
}

export function useViewerTools(): Tools {
  const view = useRef<SeadragonView | null>(null);
  const [preset, setPreset] = useState<Preset>(AS_STORED);
  const setView = useCallback((next: SeadragonView | null) => {
    view.current = next;
  }, []);
  const fit = () => view.current?.viewer()?.viewport.goHome();
  const zoom = (by: number) => {
    const viewport = view.current?.viewer()?.viewport;
    viewport?.zoomBy(by);
    viewport?.applyConstraints();
  };
  const keys = (presets: readonly Preset[]): Shortcuts => ({
    "+": () => zoom(ZOOM_STEP),
    "-": () => zoom(1 / ZOOM_STEP),
    "0": fit,
    "=": fit,
    ...Object.fromEntries(presets.map((choice, at) => [String(at + 1), () => setPreset(choice)])),
  });
  return { preset, setPreset, setView, fit, zoom, keys };
}

interface ViewerToolsProps {
  tools: Tools;
  presets: readonly Preset[];
  drawing: boolean;
  onDraw: () => void;
  /** Null where there is nothing to compare with. */
  compare: boolean | null;
  onCompare?: () => void;
}

export function ViewerTools({ tools, presets, drawing, onDraw, compare, onCompare }: ViewerToolsProps) {
  return (
    <div className="tools" role="toolbar" aria-label="Picture tools">
      <button
        type="button"
        className={drawing ? "button button-on" : "button"}
        aria-pressed={drawing}
        title="Draw a box and search it (b)"
        onClick={onDraw}
      >
        <Icon name="box" /> <span className="tool-word">Box</span>
      </button>
      {compare !== null && (
        <button
          type="button"
          className={compare ? "button button-on" : "button"}
          aria-pressed={compare}
          title="The query's picture beside this one (x)"
          onClick={onCompare}
        >
          <Icon name="compare" /> <span className="tool-word">Compare</span>
        </button>
      )}
      <button
        type="button"
        className="button button-icon"
        aria-label="Fit the picture"
        title="Fit (0)"
        onClick={tools.fit}
      >
        <Icon name="fit" />
      </button>
      {presets.length > 0 && (
        <label className="window">
          <span className="sr-only">Window</span>
          <select
            value={tools.preset.name}
            title="Window (1 to 5)"
            onChange={(event) => {
              const chosen = presets.find(({ name }) => name === event.target.value);
              if (chosen) tools.setPreset(chosen);
            }}
          >
            {presets.map(({ name, window }) => (
              <option key={name} value={name}>
                {window ? `${name}  ${window.center} / ${window.width}` : name}
              </option>
            ))}
          </select>
        </label>
      )}
    </div>
  );
}
