// Thumbnails under a viewer: one click shows a picture in the pane at hand, the plus puts it beside.

import type { ReactNode } from "react";
import { thumbnailUrl } from "../api/urls";
import { Icon } from "../ui/icons";
import { Picture } from "../ui/parts";

export interface StripItem {
  key: string;
  imageId: string;
  name: string;
  current: boolean;
  badge?: ReactNode;
  onShow: () => void;
  /** Absent where no pane is free, or the picture stands in one already. */
  onBeside?: () => void;
}

export function Strip({ label, items }: { label: string; items: StripItem[] }) {
  return (
    <nav className="strip" aria-label={label}>
      {items.map((item) => (
        <div key={item.key} className="strip-item">
          <button
            type="button"
            className="strip-show"
            aria-current={item.current ? "true" : undefined}
            aria-label={item.name}
            onClick={item.onShow}
          >
            <Picture src={thumbnailUrl(item.imageId)} alt="" />
            {item.badge != null && <span>{item.badge}</span>}
          </button>
          {item.onBeside && (
            <button
              type="button"
              className="strip-beside"
              aria-label={`${item.name}: compare, beside the others`}
              title="Beside the others"
              onClick={item.onBeside}
            >
              <Icon name="plus" size={12} />
            </button>
          )}
        </div>
      ))}
    </nav>
  );
}
