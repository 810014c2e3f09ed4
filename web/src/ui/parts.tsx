// Small parts that several pages share.

import { type ReactNode, useState } from "react";
import type { ApiError } from "../api/client";
import { isCell } from "../app/format";
import { Icon } from "./icons";

/** A refusal in the service's own words, with the id under which its log has it. */
export function Failure({
  error,
  onRetry,
  children,
}: {
  error: ApiError;
  onRetry?: () => void;
  children?: ReactNode;
}) {
  return (
    <div className="failure" role="alert">
      <Icon name="alert" />
      <div>
        <p className="failure-text">{error.message}</p>
        {error.requestId && (
          <p className="failure-id">
            Request <code>{error.requestId}</code>
          </p>
        )}
        <div className="failure-actions">
          {onRetry && (
            <button type="button" className="button button-small" onClick={onRetry}>
              Try again
            </button>
          )}
          {children}
        </div>
      </div>
    </div>
  );
}

export function Notice({ children, tone = "info" }: { children: ReactNode; tone?: "info" | "warn" }) {
  return (
    <div className={`notice notice-${tone}`}>
      <Icon name={tone === "warn" ? "alert" : "info"} />
      <div>{children}</div>
    </div>
  );
}

/** Plain labels; cells of a manifest and what is beyond `most` stand behind a count. */
export function Labels({ labels, most = 6 }: { labels: string[]; most?: number }) {
  if (labels.length === 0) return null;
  const plain = labels.filter((label) => !isCell(label)).slice(0, most);
  const others = labels.filter((label) => !plain.includes(label));
  return (
    <ul className="labels" aria-label="Labels">
      {plain.map((label) => (
        <li key={label} className="label">
          {label}
        </li>
      ))}
      {others.length > 0 && (
        <li className="label label-more" title={others.join(", ")}>
          +{others.length}
        </li>
      )}
    </ul>
  );
}

/** A picture on near-black, with a quiet word where it cannot be shown. */
export function Picture({ src, alt, className = "" }: { src: string; alt: string; className?: string }) {
  const [failedSrc, setFailedSrc] = useState<string | null>(null);
  if (failedSrc === src) {
    return (
      <span
        className={`picture picture-missing ${className}`}
        role="img"
        aria-label={`${alt}: not available`}
      >
        no picture
      </span>
    );
  }
  return (
    <img
      className={`picture ${className}`}
      src={src}
      alt={alt}
      loading="lazy"
      decoding="async"
      draggable={false}
      onError={() => setFailedSrc(src)}
    />
  );
}

export function Progress({ share, label }: { share: number; label: string }) {
  const value = Math.round(Math.min(1, Math.max(0, share)) * 100);
  return (
    <div
      className="progress"
      role="progressbar"
      aria-label={label}
      aria-valuenow={value}
      aria-valuemin={0}
      aria-valuemax={100}
    >
      <span style={{ width: `${value}%` }} />
    </div>
  );
}
