// Pictures that are questions: dropped, pasted or picked anywhere, uploaded for an hour, never part of the library.

import {
  createContext,
  type ReactNode,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import { api } from "../api/client";
import type { QueryImage } from "../api/types";
import { hasQuestion, parseQuery, queryHref } from "../app/query-url";
import { navigate } from "../app/router";
import { toast, toastError } from "../app/toasts";

interface QueryPictures {
  /** Pictures on their way up. */
  pending: number;
  add: (files: Iterable<File>) => void;
}

const MOST_AT_ONCE = 4;
const STORE = "casekin.query-picture.";
const Context = createContext<QueryPictures>({ pending: 0, add: () => {} });

export const useQueryPictures = () => useContext(Context);

/** Size and frames of an uploaded picture, remembered for this tab; the service tells them only once. */
export function knownQueryPicture(id: string): QueryImage | null {
  try {
    const text = sessionStorage.getItem(STORE + id);
    return text ? (JSON.parse(text) as QueryImage) : null;
  } catch {
    return null;
  }
}

function remember(picture: QueryImage): void {
  try {
    sessionStorage.setItem(STORE + picture.id, JSON.stringify(picture));
  } catch {
    // Without storage the picture's own size is used.
  }
}

const filesOf = (data: DataTransfer | null): File[] =>
  [...(data?.items ?? [])]
    .filter((item) => item.kind === "file")
    .map((item) => item.getAsFile())
    .filter((file): file is File => file !== null);

export function QueryPictureProvider({ children, active }: { children: ReactNode; active: boolean }) {
  const [pending, setPending] = useState(0);
  const [dragging, setDragging] = useState(false);
  const depth = useRef(0);

  const add = useCallback(async (given: Iterable<File>) => {
    const files = [...given].slice(0, MOST_AT_ONCE);
    if (files.length === 0) return;
    setPending((before) => before + files.length);
    const settled = await Promise.allSettled(
      files.map((file) => api.addQueryImage(file, file.name || "pasted")),
    );
    setPending((before) => before - files.length);
    const pictures = settled.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
    for (const result of settled) if (result.status === "rejected") toastError(result.reason);
    if (pictures.length === 0) return;
    pictures.forEach(remember);
    // Read the address now: it may have changed while the upload ran.
    const query = parseQuery(window.location.pathname === "/" ? window.location.search : "");
    const images = [...query.images, ...pictures.map(({ id }) => ({ image_id: id }))];
    if (!hasQuestion(query) && pictures.length > 1) toast(`Searching with ${pictures.length} pictures`);
    navigate(queryHref({ ...query, images, browse: false, open: null }));
  }, []);

  useEffect(() => {
    if (!active) return;
    const onPaste = (event: ClipboardEvent) => {
      const files = filesOf(event.clipboardData).filter((file) => file.type.startsWith("image/"));
      if (files.length === 0 || document.querySelector("dialog[open]")) return;
      event.preventDefault();
      void add(files);
    };
    const hasFiles = (event: DragEvent) =>
      (event.dataTransfer?.types.includes("Files") ?? false) && !document.querySelector("dialog[open]");
    const onEnter = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      depth.current += 1;
      setDragging(true);
    };
    const onOver = (event: DragEvent) => {
      if (hasFiles(event)) event.preventDefault();
    };
    const onLeave = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      depth.current = Math.max(0, depth.current - 1);
      if (depth.current === 0) setDragging(false);
    };
    const onDrop = (event: DragEvent) => {
      depth.current = 0;
      setDragging(false);
      if (!hasFiles(event)) return;
      event.preventDefault();
      void add(filesOf(event.dataTransfer));
    };
    window.addEventListener("paste", onPaste);
    window.addEventListener("dragenter", onEnter);
    window.addEventListener("dragover", onOver);
    window.addEventListener("dragleave", onLeave);
    window.addEventListener("drop", onDrop);
    return () => {
      window.removeEventListener("paste", onPaste);
      window.removeEventListener("dragenter", onEnter);
      window.removeEventListener("dragover", onOver);
      window.removeEventListener("dragleave", onLeave);
      window.removeEventListener("drop", onDrop);
    };
  }, [active, add]);

  const value = useMemo(() => ({ pending, add: (files: Iterable<File>) => void add(files) }), [pending, add]);
  return (
    <Context.Provider value={value}>
      {children}
      {dragging && (
        <div className="drop-veil" aria-hidden="true">
          <div className="drop-card">
            <strong>Drop to search with this picture</strong>
            <span>
              PNG, JPEG, TIFF, BMP, WebP or DICOM. It stays a question: it is not added to the library.
            </span>
          </div>
        </div>
      )}
    </Context.Provider>
  );
}
