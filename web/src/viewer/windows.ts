// Windows for CT, in Hounsfield units: centre and width as radiologists set them.

import type { ImageRecord } from "../api/types";
import type { Window } from "../api/urls";

export interface Preset {
  name: string;
  window: Window | null;
}

export const CT_PRESETS: readonly Preset[] = [
  { name: "As stored", window: null },
  { name: "Soft tissue", window: { center: 40, width: 400 } },
  { name: "Lung", window: { center: -600, width: 1500 } },
  { name: "Bone", window: { center: 300, width: 1500 } },
  { name: "Brain", window: { center: 40, width: 80 } },
];

/** Presets that make sense for a picture; none where its values are not Hounsfield units. */
export function presetsFor(image: Pick<ImageRecord, "format" | "modality"> | null): readonly Preset[] {
  return image?.format.toLowerCase() === "dicom" && image.modality === "CT" ? CT_PRESETS : [];
}
