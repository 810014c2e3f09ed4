// How each pane of a viewer is looked at: through which window, turned how. A look outlasts the picture it was made on.

import { useRef, useState } from "react";
import type { Window } from "../api/urls";
import { toastError } from "../app/toasts";
import { useGreyness } from "./greyness";
import type { Slot } from "./slot";
import { type Look, type PanePlace, PLAIN } from "./view-hash";
import { valuesOf } from "./window-probe";
import { ownWindow, type Preset, presetsFor, sameWindow } from "./windows";

/** A look and the pictures it was meant for: a window holds within a modality, a turn within a case. */
interface KeptLook extends Look {
  modality?: string | null;
  series?: string;
  /** The preset that gave the window, and the frame by whose values it did. */
  preset?: { name: string; of: string };
}

/** Looks that the address remembers, by the key of their pane. */
export type RememberedLooks = Record<string, PanePlace>;

export interface Looks {
  lookOf: (slot: Slot) => Look;
  setLook: (slot: Slot, change: Partial<Look>) => void;
  /** Whether windows make sense for what stands there. */
  hasWindow: (slot: Slot) => boolean;
  setWindow: (slot: Slot, window: Window | null) => void;
  applyPreset: (slot: Slot, preset: Preset) => void;
  /** The name of the preset through whose window one looks; null after a drag. */
  presetOf: (slot: Slot) => string | null;
}

const frameOf = ({ imageId, frame }: Slot): string => `${imageId}/${frame}`;

function lookAt(slot: Slot, kept: KeptLook | undefined, hasWindow: boolean): Look {
  if (!kept) return PLAIN;
  const sameModality = kept.modality === undefined || kept.modality === slot.record?.modality;
  const sameSeries = kept.series === undefined || kept.series === slot.series;
  return {
    window: sameModality && hasWindow ? kept.window : null,
    orientation: sameSeries ? kept.orientation : PLAIN.orientation,
  };
}

export function useLooks(slots: readonly Slot[], remembered: () => RememberedLooks): Looks {
  const [looks, setLooks] = useState<Record<string, KeptLook>>(remembered);
  const isGrey = useGreyness(slots.map(({ record }) => record));
  const asked = useRef(0);

  const hasWindow = (slot: Slot) => isGrey(slot.record);
  const lookOf = (slot: Slot) => lookAt(slot, looks[slot.key], hasWindow(slot));
  const setLook = (slot: Slot, change: Partial<KeptLook>) =>
    setLooks((before) => {
      const kept = before[slot.key];
      const look = { preset: kept?.preset, ...lookAt(slot, kept, hasWindow(slot)), ...change };
      return { ...before, [slot.key]: { ...look, modality: slot.record?.modality, series: slot.series } };
    });
  const showThrough = (slot: Slot, window: Window | null, preset?: string) => {
    asked.current += 1;
    setLook(slot, { window, preset: preset ? { name: preset, of: frameOf(slot) } : undefined });
  };
  const applyPreset = (slot: Slot, { name, window }: Preset) => {
    if (window === "own") return showThrough(slot, null);
    if (typeof window === "object") return showThrough(slot, window, name);
    asked.current += 1;
    const turn = asked.current;
    valuesOf(slot.imageId, slot.frame, ownWindow(slot.record, slot.frame)).then((values) => {
      // Meanwhile another window may have been chosen.
      if (values && asked.current === turn) showThrough(slot, window(values), name);
    }, toastError);
  };
  const presetOf = (slot: Slot) => {
    const { window } = lookOf(slot);
    if (!window) return null;
    const byNumbers = presetsFor(slot.record?.modality).find(
      (preset) => typeof preset.window === "object" && sameWindow(preset.window, window),
    );
    const preset = looks[slot.key]?.preset;
    return byNumbers?.name ?? (preset?.of === frameOf(slot) ? preset.name : null);
  };
  return {
    lookOf,
    setLook,
    hasWindow,
    setWindow: (slot, window) => showThrough(slot, window),
    applyPreset,
    presetOf,
  };
}
