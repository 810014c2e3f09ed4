// The state of a viewer: which pane has the keys, how each picture is looked at, the tool in hand, the box drawn.

import { useCallback, useMemo, useState } from "react";
import type { Box } from "../api/types";
import { LinkedViews } from "./link";
import { type Looks, type RememberedLooks, useLooks } from "./looks";
import type { Orientation } from "./orientation";
import { zoomAt } from "./scale";
import type { Slot } from "./slot";
import type { SeadragonView } from "./useSeadragon";

export type Tool = "box" | "window" | null;

interface Drawn {
  key: string;
  imageId: string;
  frame: number;
  box: Box;
}

export interface Bench extends Omit<Looks, "setLook"> {
  slots: readonly Slot[];
  active: Slot | null;
  activate: (key: string) => void;
  activeView: SeadragonView | null;
  orient: (change: (before: Orientation) => Orientation) => void;
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

export function useBench(slots: readonly Slot[], remembered: () => RememberedLooks): Bench {
  const [activeKey, activate] = useState<string | null>(null);
  const { setLook, ...looks } = useLooks(slots, remembered);
  const [tool, setTool] = useState<Tool>(null);
  const [drawn, setDrawn] = useState<Drawn | null>(null);
  const [locked, setLockedState] = useState(true);
  const [navigator, setNavigator] = useState(true);
  const [views, setViews] = useState<Record<string, SeadragonView>>({});
  const links = useMemo(() => new LinkedViews(), []);
  // The picture in question, not the query beside it, has the keys at first.
  const active =
    slots.find(({ key }) => key === activeKey) ?? slots.find(({ key }) => key === "main") ?? slots[0] ?? null;
  const activeView = active ? (views[active.key] ?? null) : null;

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
    ...looks,
    orient: (change) => active && setLook(active, { orientation: change(looks.lookOf(active).orientation) }),
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
