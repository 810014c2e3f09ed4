// Panes that move together: the same change on the screen in each, at the same µm per screen pixel where both
// pictures say how large their pixels are, and equally far beyond their fit otherwise.

import type OpenSeadragon from "openseadragon";
import type { Point } from "./geometry";
import type { Projection } from "./projection";

export interface Scaled {
  /** Screen pixels per picture pixel. */
  zoom: number;
  mmPerPx: number | null;
  /** Zoom at which the whole picture fills its pane. */
  fitZoom: number;
}

/** The zoom at which a follower shows its picture as large as the leader shows its own. */
export function matchingZoom(leader: Scaled, follower: Omit<Scaled, "zoom">): number {
  if (leader.mmPerPx && follower.mmPerPx) return (leader.zoom / leader.mmPerPx) * follower.mmPerPx;
  return (leader.zoom / leader.fitZoom) * follower.fitZoom;
}

/** What of a follower comes to its middle, counted on the screen from the middle before: the leader's movement. */
export const carried = (leaderMoved: Point, followerGrew: number): Point => ({
  x: -leaderMoved.x / followerGrew + 0,
  y: -leaderMoved.y / followerGrew + 0,
});

export interface Member {
  viewer: OpenSeadragon.Viewer;
  projection: Projection;
  mmPerPx: number | null;
}

interface Held extends Member {
  center: Point;
  zoom: number;
  release: () => void;
}

const scaled = ({ projection, mmPerPx }: Member) => ({
  zoom: projection.zoom,
  mmPerPx,
  fitZoom: projection.fitZoom,
});

const STILL_PX = 0.01;
const STILL_ZOOM = 1e-6;

export class LinkedViews {
  private readonly members = new Map<string, Held>();
  private locked = true;

  setLocked(locked: boolean, leaderKey: string): void {
    this.locked = locked;
    const leader = this.members.get(leaderKey);
    if (!locked || !leader) return;
    for (const [key, member] of this.members) if (key !== leaderKey) this.match(member, leader);
  }

  /** Takes a pane in; a new picture comes at the scale of those that are there. */
  join(key: string, member: Member): void {
    this.leave(key);
    const moved = () => this.follow(key);
    member.viewer.addHandler("update-viewport", moved);
    const release = () => member.viewer.removeHandler("update-viewport", moved);
    const { center, zoom } = member.projection;
    const held: Held = { ...member, center, zoom, release };
    const leader = [...this.members.values()][0];
    this.members.set(key, held);
    if (this.locked && leader) this.match(held, leader);
  }

  leave(key: string): void {
    this.members.get(key)?.release();
    this.members.delete(key);
  }

  private match(member: Held, leader: Held): void {
    if (!member.projection.isShown || !leader.projection.isShown) return;
    this.look(member, member.projection.center, matchingZoom(scaled(leader), scaled(member)));
  }

  private look(member: Held, center: Point, zoom: number): void {
    member.projection.look(center, zoom, true);
    member.center = member.projection.center;
    member.zoom = member.projection.zoom;
  }

  private follow(key: string): void {
    const leader = this.members.get(key);
    if (!leader?.projection.isShown) return;
    const { projection } = leader;
    const { x, y } = projection.element;
    const at = projection.toElement(leader.center);
    const moved = { x: at.x - x / 2, y: at.y - y / 2 };
    const grew = projection.zoom / leader.zoom;
    leader.center = projection.center;
    leader.zoom = projection.zoom;
    const still = Math.hypot(moved.x, moved.y) < STILL_PX && Math.abs(grew - 1) < STILL_ZOOM;
    if (!this.locked || still || !(grew > 0)) return;
    for (const member of this.members.values()) {
      if (member === leader || !member.projection.isShown) continue;
      const zoom = matchingZoom(scaled(leader), scaled(member));
      const step = carried(moved, zoom / member.projection.zoom);
      const middle = member.projection.element;
      const center = member.projection.toPicture({ x: middle.x / 2 + step.x, y: middle.y / 2 + step.y });
      this.look(member, center, zoom);
    }
  }
}
