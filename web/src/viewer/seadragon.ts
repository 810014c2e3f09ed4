// OpenSeadragon as this page wants it: no buttons and keys of its own, a calm navigator, pixels as they are.

import OpenSeadragon from "openseadragon";

export function makeViewer(element: HTMLElement): OpenSeadragon.Viewer {
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const viewer = OpenSeadragon({
    element,
    drawer: "canvas",
    showNavigationControl: false,
    animationTime: calm ? 0 : 0.35,
    springStiffness: 9,
    zoomPerScroll: 1.25,
    visibilityRatio: 0.4,
    // A slide at 2× beside one at 40× may be smaller than its pane.
    minZoomImageRatio: 0.1,
    maxZoomPixelRatio: 12,
    gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
    gestureSettingsTouch: { pinchRotate: false, dblClickToZoom: true, clickToZoom: false },
    showNavigator: true,
    navigatorPosition: "TOP_RIGHT",
    navigatorSizeRatio: 0.16,
    navigatorAutoFade: false,
    navigatorBackground: "#08090a",
    navigatorBorderColor: "#3a4145",
    navigatorDisplayRegionColor: "#67c7d6",
    // Pixels are evidence: past their own size they are shown as they are.
    imageSmoothingEnabled: true,
    crossOriginPolicy: false,
  } as OpenSeadragon.Options);
  // The page has its own keys; OpenSeadragon's would take letters that mean something else here.
  viewer.addHandler("canvas-key", (event) => {
    event.preventDefaultAction = true;
  });
  return viewer;
}

/** Shows the navigator while wanted and while something of the picture is out of sight. */
export function tendNavigator(viewer: OpenSeadragon.Viewer, wanted: () => boolean): () => void {
  const tend = () => {
    const element = viewer.navigator?.element;
    if (!element || !viewer.world || viewer.world.getItemCount() === 0) return;
    const { viewport } = viewer;
    const larger = viewport.getZoom(true) > viewport.getHomeZoom() * 1.02;
    // Hidden, not taken out: out of the page it would lose its size.
    element.style.visibility = wanted() && larger ? "visible" : "hidden";
  };
  tend();
  viewer.addHandler("update-viewport", tend);
  viewer.addHandler("open", tend);
  return tend;
}

/** Wheel travel, in pixels, that is one frame: a notch of a mouse is a step, a trackpad does not fly through. */
const STEP_TRAVEL_PX = 40;
const LINE_PX = 33;

/** Sums up wheel events to whole steps, downwards forwards. */
export function wheelSteps(): (event: WheelEvent) => number {
  let travel = 0;
  return (event) => {
    const delta = event.deltaY || event.deltaX;
    const px = event.deltaMode === 0 ? delta : delta * LINE_PX;
    if (px * travel < 0) travel = 0;
    travel += px;
    if (Math.abs(travel) < STEP_TRAVEL_PX) return 0;
    const step = Math.sign(travel);
    travel = 0;
    return step;
  };
}

/**
 * Brings a new picture in: what is shown stays until all that comes is there, so that nothing flashes black, and no
 * part is seen through one window beside a part through another.
 */
export function replacePicture(
  viewer: OpenSeadragon.Viewer,
  item: OpenSeadragon.TiledImage,
  keepView: boolean,
): void {
  const others = Array.from({ length: viewer.world.getItemCount() }, (_, at) =>
    viewer.world.getItemAt(at),
  ).filter((other) => other !== item);
  const drop = () => {
    for (const other of others) if (viewer.world.getIndexOfItem(other) >= 0) viewer.world.removeItem(other);
  };
  if (!keepView) {
    drop();
    viewer.viewport.goHome(true);
  } else if (item.getFullyLoaded()) drop();
  else {
    item.setPreload(true);
    item.setOpacity(0);
    item.addOnceHandler("fully-loaded-change", () => {
      item.setOpacity(1);
      drop();
    });
  }
}
