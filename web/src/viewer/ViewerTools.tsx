// Buttons of a viewer. They act on the pane that was last touched; see bench-keys.ts for the keys.

import type { ReactNode } from "react";
import { Icon, type IconName } from "../ui/icons";
import type { Bench } from "./bench";
import { flippedAcross, flippedDown, isUpright, turned } from "./orientation";
import { isOverZoom, isSlide, magnificationAt, magnificationText, OBJECTIVES } from "./scale";
import { useZoom } from "./useZoom";
import { presetsFor, windowText } from "./windows";

interface ToolProps {
  icon: IconName;
  name: string;
  title: string;
  word?: string;
  on?: boolean;
  onClick: () => void;
}

function ToolButton({ icon, name, title, word, on, onClick }: ToolProps) {
  return (
    <button
      type="button"
      className={`button ${word ? "" : "button-icon"} ${on ? "button-on" : ""}`}
      aria-label={word ? undefined : name}
      aria-pressed={on}
      title={title}
      onClick={onClick}
    >
      <Icon name={icon} /> {word && <span className="tool-word">{word}</span>}
    </button>
  );
}

/** `children` come after the tools that one takes in hand. */
export function ViewerTools({ bench, children }: { bench: Bench; children?: ReactNode }) {
  const { active, tool } = bench;
  const grey = active !== null && bench.hasWindow(active);
  const take = (next: "box" | "window") => () => bench.setTool(tool === next ? null : next);
  const upright = !active || isUpright(bench.lookOf(active).orientation);
  return (
    <div className="tools" role="toolbar" aria-label="Picture tools">
      <ToolButton
        icon="box"
        name="Box"
        word="Box"
        title="Draw a box and search it (b)"
        on={tool === "box"}
        onClick={take("box")}
      />
      {grey && (
        <ToolButton
          icon="levels"
          name="W/L"
          word="W/L"
          title="Window by dragging: across its width, up and down its centre (w; or the right button)"
          on={tool === "window"}
          onClick={take("window")}
        />
      )}
      {grey && <Windows bench={bench} />}
      {isSlide(active?.record ?? null) && <Objectives bench={bench} />}
      {children}
      {bench.slots.length > 1 && (
        <ToolButton
          icon={bench.locked ? "locked" : "unlocked"}
          name="Move together"
          title="Zoom and move the pictures together (l)"
          on={bench.locked}
          onClick={() => bench.setLocked(!bench.locked)}
        />
      )}
      <span className="tool-group">
        <ToolButton
          icon="rotate"
          name="Rotate"
          title="Rotate by 90° (r; R the other way)"
          on={upright ? undefined : true}
          onClick={() => bench.orient((before) => turned(before, 90))}
        />
        <ToolButton
          icon="flip"
          name="Flip horizontally"
          title="Flip left to right (h)"
          onClick={() => bench.orient(flippedAcross)}
        />
        <ToolButton
          icon="flipDown"
          name="Flip vertically"
          title="Flip upside down (v)"
          onClick={() => bench.orient(flippedDown)}
        />
        <ToolButton icon="fit" name="Fit the picture" title="Fit (=)" onClick={bench.fit} />
        <ToolButton
          icon="navigator"
          name="Navigator"
          title="Overview of where one is (n)"
          on={bench.navigator}
          onClick={() => bench.setNavigator(!bench.navigator)}
        />
      </span>
    </div>
  );
}

const OWN = "own";
const DRAGGED = "dragged";

function Windows({ bench }: { bench: Bench }) {
  const slot = bench.active;
  if (!slot) return null;
  const presets = presetsFor(slot.record?.modality);
  const { window } = bench.lookOf(slot);
  const value = window === null ? OWN : (bench.presetOf(slot) ?? DRAGGED);
  return (
    <label className="window">
      <span className="sr-only">Window</span>
      <select
        value={value}
        title="Window (1 to 5; 0 takes the file’s own)"
        onChange={(event) => {
          const preset = presets.find(({ name }) => name === event.target.value);
          if (preset) bench.applyPreset(slot, preset);
          else bench.setWindow(slot, null);
          // The keys belong to the picture again.
          event.target.blur();
        }}
      >
        <option value={OWN}>File’s own window</option>
        {presets
          .filter((preset) => preset.window !== "own")
          .map((preset) => (
            <option key={preset.name} value={preset.name}>
              {typeof preset.window === "object"
                ? `${preset.name}  ${preset.window.center} / ${preset.window.width}`
                : preset.name}
            </option>
          ))}
        {window && value === DRAGGED && <option value={DRAGGED}>{windowText(window)}</option>}
      </select>
    </label>
  );
}

/** So near an objective's zoom, as a share, the button counts as pressed. */
const NEAR = 0.02;

function Objectives({ bench }: { bench: Bench }) {
  const zoom = useZoom(bench.activeView);
  const mmPerPx = bench.active?.record?.mm_per_px?.[0];
  if (!mmPerPx) return null;
  const now = magnificationAt(zoom, mmPerPx);
  return (
    <fieldset className="objectives" aria-label="Objective">
      {OBJECTIVES.map((objective, at) => {
        const over = isOverZoom(objective, mmPerPx);
        return (
          <button
            type="button"
            key={objective}
            className={over ? "objective objective-over" : "objective"}
            aria-pressed={Math.abs(now / objective - 1) < NEAR}
            title={
              over
                ? `${objective}× (${at + 1}): more than the scan’s own ${magnificationText(magnificationAt(1, mmPerPx))}; shows no more detail`
                : `${objective}× (${at + 1})`
            }
            onClick={() => bench.showObjective(objective)}
          >
            {objective}×
          </button>
        );
      })}
    </fieldset>
  );
}
