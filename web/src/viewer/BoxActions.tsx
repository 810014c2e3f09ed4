// What stands under a drawn box: its size, and what to do with it.

import type { Box } from "../api/types";
import { lengthText, type Spacing } from "./scale";

interface BoxActionsProps {
  box: Box;
  mmPerPx: Spacing | null;
  canAdd: boolean;
  onSearch: (add: boolean) => void;
  onRemove: () => void;
}

export function BoxActions({ box, mmPerPx, canAdd, onSearch, onRemove }: BoxActionsProps) {
  const [, , width, height] = box;
  return (
    <>
      <span className="box-size">
        {mmPerPx && (
          <b>
            {lengthText(width * mmPerPx[0])} × {lengthText(height * mmPerPx[1])}
          </b>
        )}
        <span>
          {width} × {height} px
        </span>
      </span>
      <button type="button" className="button button-primary button-small" onClick={() => onSearch(false)}>
        Search this region
      </button>
      {canAdd && (
        <button
          type="button"
          className="button button-small"
          title="Keep words and pictures of the query"
          onClick={() => onSearch(true)}
        >
          Add to query
        </button>
      )}
      <button
        type="button"
        className="button button-small button-icon"
        aria-label="Remove the box"
        onClick={onRemove}
      >
        ×
      </button>
    </>
  );
}
