// Line icons, drawn on a 16 px grid. Decoration only: the button around one carries the name.

import type { ReactNode } from "react";

const PATHS = {
  search: <path d="M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10Zm3.6-1.4L14 14" />,
  picture: <path d="M2 3.5h12v9H2zM2.5 11l3.2-3.4 2.6 2.6 2-2 3.2 3M10.8 6.2h.01" />,
  close: <path d="m4 4 8 8m0-8-8 8" />,
  sun: (
    <path d="M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM8 1v1.5m0 11V15M1 8h1.5m11 0H15M3 3l1.1 1.1m7.8 7.8L13 13m0-10-1.1 1.1M4.1 11.9 3 13" />
  ),
  moon: <path d="M13.5 9.6A6 6 0 0 1 6.4 2.5a6 6 0 1 0 7.1 7.1Z" />,
  upload: <path d="M8 10.5V2.5m0 0L5 5.5m3-3 3 3M2.5 10v3.5h11V10" />,
  download: <path d="M8 2.5v8m0 0-3-3m3 3 3-3M2.5 11v2.5h11V11" />,
  folder: <path d="M1.8 3.5h4.4l1.4 1.7h6.6v7.3H1.8z" />,
  more: <path d="M8 14.5a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13ZM8 5v6M5 8h6" />,
  less: <path d="M8 14.5a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13ZM5 8h6" />,
  plus: <path d="M8 3v10M3 8h10" />,
  check: <path d="m3 8.5 3.2 3L13 4.5" />,
  filter: <path d="M2 4h12M4.5 8h7M6.5 12h3" />,
  box: <path d="M2.5 5V2.5H5m6 0h2.5V5m0 6v2.5H11m-6 0H2.5V11M6 6h4v4H6z" />,
  fit: <path d="M2.5 6V2.5H6m4 0h3.5V6m0 4v3.5H10m-4 0H2.5V10" />,
  up: <path d="m4 10 4-4 4 4" />,
  down: <path d="m4 6 4 4 4-4" />,
  left: <path d="m10 4-4 4 4 4" />,
  right: <path d="m6 4 4 4-4 4" />,
  trash: <path d="M2.5 4.5h11M6 4V2.5h4V4m-6 .5.7 9h6.6l.7-9M6.7 7v4m2.6-4v4" />,
  copy: <path d="M5.5 5.5h8v8h-8zM10.5 5V2.5h-8v8H5" />,
  help: (
    <path d="M6 6a2 2 0 1 1 2.8 1.9c-.6.3-.8.7-.8 1.4M8 11.6v.1M8 14.5a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13Z" />
  ),
  alert: <path d="M8 2 1.5 13.5h13zM8 6.5v3.2m0 1.8v.1" />,
  info: <path d="M8 14.5a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13ZM8 7.2v4M8 4.8v.1" />,
  levels: <path d="M8 14.5a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13Zm0-13v13m0-10h5m-5 3.5h6.4M8 11.5h5" />,
  rotate: <path d="M12.5 4.5A6 6 0 1 0 14 8.8M13 1.5v3.3H9.7" />,
  flip: <path d="M8 1.5v13M6 4 1.8 12H6zm4 0 4.2 8H10z" />,
  flipDown: <path d="M1.5 8h13M4 6l8-4.2V6zm0 4 8 4.2V10z" />,
  navigator: <path d="M2 3h12v10H2zm6.5 0v5H14" />,
  locked: <path d="M3.5 7.5h9v6h-9zM5.5 7.5V5a2.5 2.5 0 0 1 5 0v2.5" />,
  unlocked: <path d="M3.5 7.5h9v6h-9zM5.5 7.5V4.5a2.5 2.5 0 0 1 4.8-1" />,
  compare: <path d="M2 3h5v10H2zm7 0h5v10H9z" />,
  similar: <path d="M2.5 2.5h7.5v7.5H2.5zM6 6h7.5v7.5H6z" />,
  grip: <path d="M6 3.5v.1M6 8v.1M6 12.5v.1M10 3.5v.1M10 8v.1M10 12.5v.1" />,
  exit: <path d="M6.5 2.5h-4v11h4M6 8h8m0 0-3-3m3 3-3 3" />,
} satisfies Record<string, ReactNode>;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg className="icon" width={size} height={size} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      {PATHS[name]}
    </svg>
  );
}

/** The mark of casekin: one case, and the one akin to it. */
export function Mark() {
  return (
    <svg className="mark" width="22" height="22" viewBox="0 0 22 22" aria-hidden="true" focusable="false">
      <rect x="1.2" y="1.2" width="13" height="13" rx="3" className="mark-back" />
      <rect x="7.8" y="7.8" width="13" height="13" rx="3" className="mark-front" />
    </svg>
  );
}
