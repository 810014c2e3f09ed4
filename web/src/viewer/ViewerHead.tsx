// The bar over the viewer: which case, the tools, to the next case, away.

import type { ReactNode } from "react";
import type { Hit } from "../api/types";
import { Link } from "../app/router";
import { Icon, type IconName } from "../ui/icons";

interface ViewerHeadProps {
  hit: Hit | null;
  /** What stands there while no case is known. */
  title: string;
  /** Place of the case among those found, and how many there are. */
  at: number;
  of: number;
  onStep: (by: number) => void;
  onClose: () => void;
  children: ReactNode;
}

export function ViewerHead({ hit, title, at, of, onStep, onClose, children }: ViewerHeadProps) {
  return (
    <header className="viewer-head">
      <div className="viewer-title">
        {hit && <span className="hit-rank">{hit.rank}</span>}
        {hit ? (
          <Link href={`/case/${encodeURIComponent(hit.case_id)}`}>{hit.title}</Link>
        ) : (
          <span>{title}</span>
        )}
      </div>
      {children}
      <div className="viewer-steps">
        <HeadButton
          icon="left"
          name="Previous case"
          keyName="k"
          disabled={at <= 0}
          onClick={() => onStep(-1)}
        />
        <HeadButton
          icon="right"
          name="Next case"
          keyName="j"
          disabled={at < 0 || at >= of - 1}
          onClick={() => onStep(1)}
        />
      </div>
      <HeadButton icon="close" name="Close the viewer" keyName="Esc" onClick={onClose} />
    </header>
  );
}

interface HeadButtonProps {
  icon: IconName;
  name: string;
  keyName: string;
  disabled?: boolean;
  onClick: () => void;
}

function HeadButton({ icon, name, keyName, disabled, onClick }: HeadButtonProps) {
  return (
    <button
      type="button"
      className="button button-icon"
      aria-label={name}
      title={`${name} (${keyName})`}
      disabled={disabled}
      onClick={onClick}
    >
      <Icon name={icon} />
    </button>
  );
}
