import type { Join, JoinOptions, Room } from "./room.ts";

/**
 * Elements on one page that name the same room share one membership: one key, one socket, one set of links.
 * A room is left a moment after its last element let go, so that moving an element in the page does not rejoin.
 */
export class Rooms {
  #join: Join;
  #linger: number;
  #held = new Map<string, { room: Room; users: number; leaving: ReturnType<typeof setTimeout> | null }>();

  /** @param linger milliseconds between the last release and leaving */
  constructor(join: Join, linger = 1000) {
    this.#join = join;
    this.#linger = linger;
  }

  /** The options of whoever comes first decide; a room that was closed for good is joined anew. */
  acquire(options: JoinOptions): Room {
    const name = `${options.server}\n${options.room}`;
    let held = this.#held.get(name);
    if (held === undefined || held.room.state === "closed") {
      if (held?.leaving != null) clearTimeout(held.leaving);
      held = { room: this.#join(options), users: 0, leaving: null };
      this.#held.set(name, held);
    }
    if (held.leaving !== null) clearTimeout(held.leaving);
    held.leaving = null;
    held.users += 1;
    return held.room;
  }

  release(room: Room): void {
    for (const [name, held] of this.#held) {
      if (held.room !== room) continue;
      held.users -= 1;
      if (held.users > 0) return;
      held.leaving = setTimeout(() => {
        this.#held.delete(name);
        room.leave();
      }, this.#linger);
      return;
    }
  }
}

let shared: Rooms | null = null;

/** Says how rooms are joined on this page; called once by the entry, or by a test with a scripted room. */
export function setJoin(join: Join): void {
  shared = new Rooms(join);
}

export function rooms(): Rooms {
  if (shared === null)
    throw new Error("There is no room to join: load /braidcast.js before using its elements.");
  return shared;
}
