// Records of the pictures that stand in the panes, however many they are.

import { useEffect, useState } from "react";
import { api } from "../api/client";
import type { CaseRecord, ImageRecord } from "../api/types";
import { isQueryPicture } from "../api/urls";
import { Recent, useLoad } from "../app/load";

const known = new Recent<ImageRecord>(500);
const cases = new Recent<CaseRecord>(20);

/** The records by id, as they come; a picture that cannot be asked for has none. */
export function useImageRecords(ids: readonly string[]): (id: string) => ImageRecord | null {
  const [, setTurn] = useState(0);
  const wanted = [...new Set(ids)].filter((id) => !isQueryPicture(id)).join(" ");
  useEffect(() => {
    const abort = new AbortController();
    for (const id of wanted.split(" ").filter((one) => one && !known.get(one)))
      api.image(id, abort.signal).then(
        (record) => {
          known.put(id, record);
          if (!abort.signal.aborted) setTurn((before) => before + 1);
        },
        // The pane itself says that its picture cannot be shown.
        () => {},
      );
    return () => abort.abort();
  }, [wanted]);
  return (id) => known.get(id) ?? null;
}

/** The pictures of a case in their order; none until they are known. */
export function useCaseImages(caseId: string | null): readonly ImageRecord[] {
  const { data } = useLoad(
    caseId && `viewer ${caseId}`,
    (signal) => api.caseRecord(caseId ?? "", signal),
    cases,
  );
  return data && data.case_id === caseId ? data.images : NONE;
}

const NONE: readonly ImageRecord[] = [];
