// The keys of a viewer. They speak to the pane that was last touched.

import type { Shortcuts } from "../app/keyboard";
import type { Bench } from "./bench";
import { flippedAcross, flippedDown, turned } from "./orientation";
import { isSlide, OBJECTIVES } from "./scale";
import { leafBy, leafingOf } from "./slot";
import { presetsFor } from "./windows";

const ZOOM_STEP = 1.4;
const PAGE = 10;
const onControl = (event: KeyboardEvent): boolean =>
  event.target instanceof Element && event.target.closest("a, button, input, select") !== null;

/** 1 to 5: objectives on a slide, windows on a grey picture. */
function numberKeys(bench: Bench): Shortcuts {
  const slot = bench.active;
  if (!slot) return {};
  const presets = bench.hasWindow(slot) ? presetsFor(slot.record?.modality) : [];
  const acts = isSlide(slot.record)
    ? OBJECTIVES.map((objective) => () => bench.showObjective(objective))
    : presets.map((preset) => () => bench.applyPreset(slot, preset));
  return Object.fromEntries(acts.slice(0, 5).map((act, at) => [String(at + 1), act]));
}

/** Leafing; `mayScroll` says whether keys that scroll the page are meant for the viewer just now. */
function leafKeys({ active }: Bench, mayScroll: () => boolean): Shortcuts {
  const leafing = active && leafingOf(active);
  if (!leafing) return {};
  const by = (step: number, scrolls: boolean) => (event: KeyboardEvent) => {
    if (scrolls && !mayScroll()) return;
    event.preventDefault();
    leafBy(active, step);
  };
  return {
    ArrowRight: by(1, false),
    ArrowLeft: by(-1, false),
    ArrowDown: by(1, true),
    ArrowUp: by(-1, true),
    PageDown: by(PAGE, true),
    PageUp: by(-PAGE, true),
    Home: by(-leafing.of, true),
    End: by(leafing.of, true),
  };
}

/** `onEscape` closes what the viewer itself does not. */
export function benchKeys(bench: Bench, onEscape: () => void, mayScroll: () => boolean): Shortcuts {
  const { active, drawn, tool } = bench;
  return {
    b: () => bench.setTool(tool === "box" ? null : "box"),
    w: () => active && bench.hasWindow(active) && bench.setTool(tool === "window" ? null : "window"),
    Escape: () => {
      if (tool) bench.setTool(null);
      else if (drawn && active) bench.setBox(active, null);
      else onEscape();
    },
    Enter: (event) => {
      const slot = bench.slots.find((one) => one.key === drawn?.key);
      const box = slot && bench.boxOf(slot);
      if (box && !onControl(event)) slot.onSearchBox(box, false);
    },
    r: () => bench.orient((before) => turned(before, 90)),
    R: () => bench.orient((before) => turned(before, -90)),
    h: () => bench.orient(flippedAcross),
    v: () => bench.orient(flippedDown),
    n: () => bench.setNavigator(!bench.navigator),
    l: () => bench.slots.length > 1 && bench.setLocked(!bench.locked),
    "+": () => bench.zoomBy(ZOOM_STEP),
    "-": () => bench.zoomBy(1 / ZOOM_STEP),
    "=": bench.fit,
    "0": () => {
      bench.fit();
      if (active && bench.hasWindow(active)) bench.setWindow(active, null);
    },
    ...numberKeys(bench),
    ...leafKeys(bench, mayScroll),
  };
}
