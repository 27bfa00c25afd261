import { Membership } from "./membership.ts";
import type { JoinOptions, Room } from "./room.ts";
import { setJoin } from "./rooms.ts";

/** Joins a room as a peer of its own. Throws an Error with one sentence when the options cannot be used. */
export function join(options: JoinOptions): Room {
  return new Membership(options);
}

// The elements of this page join rooms this way.
setJoin(join);
