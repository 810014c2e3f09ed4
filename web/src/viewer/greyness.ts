// Which pictures are grey, one value a pixel: those are looked at through windows. The record of a picture does not
// say so, and its modality does not either: ultrasound may be grey, and a CT may be a colour screenshot.

import { useEffect, useState } from "react";
import type { ImageRecord } from "../api/types";
import { Recent } from "../app/load";
import { isSlide } from "./scale";
import { greyOrNot } from "./window-probe";

type Seen = Pick<ImageRecord, "image_id" | "format" | "modality" | "mm_per_px" | "series" | "window">;

const known = new Recent<boolean>(500);

/** Slices of one series are all grey, or none is: one of them is asked. */
const kindOf = ({ series, image_id }: Seen): string => series?.series_id ?? image_id;

/** Files whose values are more than a screen shows; the service takes a window for these. */
const DEEP = ["dicom", "nifti"];

/** Slides have objectives where others have windows. */
const mayBeGrey = (image: Seen): boolean => DEEP.includes(image.format.toLowerCase()) && !isSlide(image);

/** Until its pixels have told, a picture whose file names a window passes for grey. */
export function isGrey(image: Seen | null, told: (kind: string) => boolean | undefined): boolean {
  return image !== null && mayBeGrey(image) && (told(kindOf(image)) ?? image.window != null);
}

/** Finds out which of the pictures in sight are grey. */
export function useGreyness(images: readonly (ImageRecord | null)[]): (image: ImageRecord | null) => boolean {
  const [, setTurn] = useState(0);
  const wanted = images.filter((image) => image !== null && mayBeGrey(image)) as ImageRecord[];
  const kinds = wanted.map(kindOf).join(" ");
  // biome-ignore lint/correctness/useExhaustiveDependencies: `kinds` spells out which pictures are asked about
  useEffect(() => {
    let left = false;
    for (const image of wanted) {
      const kind = kindOf(image);
      if (known.get(kind) !== undefined) continue;
      greyOrNot(image.image_id, kind).then(
        (grey) => {
          known.put(kind, grey);
          if (!left) setTurn((before) => before + 1);
        },
        // The pane itself says that its picture cannot be shown.
        () => {},
      );
    }
    return () => {
      left = true;
    };
  }, [kinds]);
  return (image) => isGrey(image, (kind) => known.get(kind));
}
