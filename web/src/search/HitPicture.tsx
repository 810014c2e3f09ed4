// The picture that matched: whole, or the surroundings of the matched part with the part marked.

import { api } from "../api/client";
import type { HitView, ImageRecord } from "../api/types";
import { renderedUrl, thumbnailUrl } from "../api/urls";
import { Recent, useLoad } from "../app/load";
import { Picture } from "../ui/parts";
import { isWhole, surroundings, withinPercent } from "../viewer/geometry";

const records = new Recent<ImageRecord>(500);

export function useImageRecord(imageId: string | null): ImageRecord | null {
  const wanted = imageId !== null && !imageId.startsWith("q-") ? imageId : null;
  const { data } = useLoad(wanted, (signal) => api.image(wanted ?? "", signal), records);
  return data?.image_id === wanted ? data : null;
}

const isPart = (view: HitView): boolean => view.kind === "tile" || view.kind === "region";

export function HitPicture({ view, title, size = 384 }: { view: HitView; title: string; size?: number }) {
  // Only a part needs the size of its picture, to show where it lies.
  const record = useImageRecord(isPart(view) ? view.image_id : null);
  const alt = `${view.modality ?? "Picture"} of: ${title}`;
  if (!isPart(view)) {
    const src =
      view.frame > 0 ? renderedUrl(view.image_id, { frame: view.frame, size }) : thumbnailUrl(view.image_id);
    return <Picture src={src} alt={alt} />;
  }
  if (!record) return <span className="picture" />;
  const picture = { width: record.width_px, height: record.height_px };
  const whole = isWhole(view.box, picture);
  const outer = surroundings(view.box, picture);
  return (
    <span className="marked" style={{ aspectRatio: `${outer[2]} / ${outer[3]}` }}>
      <Picture src={renderedUrl(view.image_id, { frame: view.frame, size, box: outer })} alt={alt} />
      {!whole && <span className="marked-box" style={withinPercent(view.box, outer)} />}
    </span>
  );
}
