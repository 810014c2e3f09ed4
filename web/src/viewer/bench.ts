// The state of a viewer: which pane has the keys, how each picture is looked at, the tool in hand, the box drawn.

import { useCallback, useMemo, useRef, useState } from "react";
import type { Box } from "../api/types";
import type { Window } from "../api/urls";
import { toastError } from "../app/toasts";
import { LinkedViews } from "./link";
import type { Orientation } from "./orientation";
import { zoomAt } from "./scale";
import type { Slot } from "./slot";
import type { SeadragonView } from "./useSeadragon";
import { type Look, type PanePlace, PLAIN } from "./view-hash";
import { valuesOf } from "./window-probe";
import { hasWindow, type PresetWindow } from "./windows";

export type Tool = "box" | "window" | null;

interface Drawn {
  key: string;
  imageId: string;
  frame: number;
  box: Box;
}

/** A look and the pictures it was meant for: a window holds within a modality, a turn within a case. */
interface KeptLook extends Look {
  modality?: string | null;
  series?: string;
}

export interface Bench {
  slots: readonly Slot[];
  active: Slot | null;
  activate: (key: string) => void;
  activeView: SeadragonView | null;
  lookOf: (slot: Slot) => Look;
  orient: (change: (before: Orientation) => Orientation) => void;
  setWindow: (slot: Slot, window: Window | null) => void;
  applyPreset: (slot: Slot, window: PresetWindow) => void;
  tool: Tool;
  setTool: (tool: Tool) => void;
  drawn: Drawn | null;
  setBox: (slot: Slot, box: Box | null) => void;
  boxOf: (slot: Slot) => Box | null;
  locked: boolean;
  setLocked: (locked: boolean) => void;
  navigator: boolean;
  setNavigator: (shown: boolean) => void;
  attach: (slot: Slot, view: SeadragonView) => () => void;
  zoomBy: (by: number) => void;
  fit: () => void;
  showObjective: (magnification: number) => void;
}

/** Looks that the address remembers, by the key of their pane. */
export type RememberedLooks = Record<string, PanePlace>;

export function useBench(slots: readonly Slot[], remembered: () => RememberedLooks): Bench {
  const [activeKey, activate] = useState<string | null>(null);
  const [looks, setLooks] = useState<Record<string, KeptLook>>(remembered);
  const [tool, setTool] = useState<Tool>(null);
  const [drawn, setDrawn] = useState<Drawn | null>(null);
  const [locked, setLockedState] = useState(true);
  const [navigator, setNavigator] = useState(true);
  const [views, setViews] = useState<Record<string, SeadragonView>>({});
  const links = useMemo(() => new LinkedViews(), []);
  const asked = useRef(0);
  // The picture in question, not the query beside it, has the keys at first.
  const active =
    slots.find(({ key }) => key === activeKey) ?? slots.find(({ key }) => key === "main") ?? slots[0] ?? null;
  const activeView = active ? (views[active.key] ?? null) : null;

  const lookOf = (slot: Slot): Look => {
    const kept = looks[slot.key];
    if (!kept) return PLAIN;
    const sameModality = kept.modality === undefined || kept.modality === slot.record?.modality;
    const sameSeries = kept.series === undefined || kept.series === slot.series;
    return {
      window: sameModality && hasWindow(slot.record) ? kept.window : null,
      orientation: sameSeries ? kept.orientation : PLAIN.orientation,
    };
  };
  const setLook = (slot: Slot, change: Partial<Look>) =>
    setLooks((before) => ({
      ...before,
      [slot.key]: { ...lookOf(slot), ...change, modality: slot.record?.modality, series: slot.series },
    }));
  const setWindow = (slot: Slot, window: Window | null) => {
    asked.current += 1;
    setLook(slot, { window });
  };
  const applyPreset = (slot: Slot, preset: PresetWindow) => {
    if (preset === "own") setWindow(slot, null);
    else if (preset !== "full") setWindow(slot, preset);
    else {
      const turn = ++asked.current;
      valuesOf(slot.imageId, slot.frame).then((values) => {
        // Meanwhile another window may have been chosen.
        if (values && asked.current === turn) setWindow(slot, values.full);
      }, toastError);
    }
  };
  const attach = useCallback(
    (slot: Slot, view: SeadragonView) => {
      const { key, record } = slot;
      const viewer = view.viewer();
      if (viewer && view.projection)
        links.join(key, {
          viewer,
          projection: view.projection,
          mmPerPx: record?.mm_per_px?.[0] ?? null,
        });
      setViews((before) => ({ ...before, [key]: view }));
      return () => links.leave(key);
    },
    [links],
  );
  const viewport = () => activeView?.viewer()?.viewport;
  const setLocked = (next: boolean) => {
    setLockedState(next);
    links.setLocked(next, active?.key ?? "");
  };

  return {
    slots,
    active,
    activate,
    activeView,
    lookOf,
    orient: (change) => active && setLook(active, { orientation: change(lookOf(active).orientation) }),
    setWindow,
    applyPreset,
    tool,
    setTool,
    drawn,
    setBox: ({ key, imageId, frame }, box) => setDrawn(box && { key, imageId, frame, box }),
    boxOf: ({ key, imageId, frame }) =>
      drawn?.key === key && drawn.imageId === imageId && drawn.frame === frame ? drawn.box : null,
    locked,
    setLocked,
    navigator,
    setNavigator,
    attach,
    zoomBy: (by) => {
      viewport()?.zoomBy(by);
      viewport()?.applyConstraints();
    },
    fit: () => viewport()?.goHome(),
    showObjective: (magnification) => {
      const mmPerPx = active?.record?.mm_per_px?.[0];
      const projection = activeView?.projection;
      if (mmPerPx && projection) projection.look(projection.center, zoomAt(magnification, mmPerPx), false);
    },
  };
}
