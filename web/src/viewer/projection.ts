// Between picture pixels and the viewer's element, as the picture lies just now.

import OpenSeadragon from "openseadragon";
import type { Point, Size } from "./geometry";

export class Projection {
  constructor(
    private readonly item: OpenSeadragon.TiledImage,
    /** Size of the picture in which boxes are counted. */
    readonly picture: Size,
  ) {}

  private get scale(): number {
    return this.item.getContentSize().x / this.picture.width;
  }

  toElement({ x, y }: Point): Point {
    const scale = this.scale;
    return this.item.imageToViewerElementCoordinates(new OpenSeadragon.Point(x * scale, y * scale));
  }

  toPicture({ x, y }: Point): Point {
    const scale = this.scale;
    const point = this.item.viewerElementToImageCoordinates(new OpenSeadragon.Point(x, y));
    return { x: point.x / scale, y: point.y / scale };
  }

  /** Screen pixels per picture pixel. */
  get zoom(): number {
    return this.toElement({ x: 1, y: 0 }).x - this.toElement({ x: 0, y: 0 }).x;
  }
}
