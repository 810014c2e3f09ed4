// Between picture pixels and the viewer's element, as the picture lies just now: moved, zoomed, turned, mirrored.

import OpenSeadragon from "openseadragon";
import type { Point, Size } from "./geometry";

export class Projection {
  constructor(
    private readonly viewer: OpenSeadragon.Viewer,
    readonly item: OpenSeadragon.TiledImage,
    /** Size of the picture in which boxes are counted. */
    readonly picture: Size,
  ) {}

  private get scale(): number {
    return this.item.getContentSize().x / this.picture.width;
  }

  /** Size of the element that shows the picture. */
  get element(): Point {
    return this.viewer.viewport.getContainerSize();
  }

  /** OpenSeadragon turns coordinates but draws mirrored ones without saying so. */
  private mirrored({ x, y }: Point): Point {
    return this.viewer.viewport.getFlip() ? { x: this.element.x - x, y } : { x, y };
  }

  toElement({ x, y }: Point): Point {
    const scale = this.scale;
    return this.mirrored(
      this.item.imageToViewerElementCoordinates(new OpenSeadragon.Point(x * scale, y * scale)),
    );
  }

  toPicture(at: Point): Point {
    const scale = this.scale;
    const { x, y } = this.mirrored(at);
    const point = this.item.viewerElementToImageCoordinates(new OpenSeadragon.Point(x, y));
    return { x: point.x / scale, y: point.y / scale };
  }

  /** Screen pixels per picture pixel. */
  get zoom(): number {
    const a = this.toElement({ x: 0, y: 0 });
    const b = this.toElement({ x: this.picture.width, y: 0 });
    return Math.hypot(b.x - a.x, b.y - a.y) / this.picture.width;
  }

  /** Zoom at which the whole picture fills its element, as it is turned. */
  get fitZoom(): number {
    const { x, y } = this.element;
    const { width, height } = this.picture;
    const sideways = this.viewer.viewport.getRotation() % 180 !== 0;
    return Math.min(x / (sideways ? height : width), y / (sideways ? width : height));
  }

  /** Shows a point of the picture in the middle, at a zoom. */
  look(center: Point, zoom: number, immediately: boolean): void {
    const { viewport } = this.viewer;
    const scale = this.scale;
    const point = this.item.imageToViewportCoordinates(
      new OpenSeadragon.Point(center.x * scale, center.y * scale),
    );
    viewport.zoomTo((viewport.getZoom(true) * zoom) / this.zoom, undefined, immediately);
    viewport.panTo(point, immediately);
  }

  /** The point of the picture in the middle of the element. */
  get center(): Point {
    const { x, y } = this.element;
    return this.toPicture({ x: x / 2, y: y / 2 });
  }

  /** False once another picture has taken this one's place. */
  get isShown(): boolean {
    return this.viewer.world?.getIndexOfItem(this.item) >= 0;
  }
}
