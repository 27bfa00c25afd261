import { shownName } from "../chat/names.ts";
import type { Role, RosterEntry } from "../room.ts";

const ORDER: readonly Role[] = ["publisher", "relay", "viewer", "member"];

/** Who is in the room: oneself first, then publishers, relays and the others by name. */
export function inOrder(roster: readonly RosterEntry[], own: string): RosterEntry[] {
  const rank = (entry: RosterEntry) => (entry.peer === own ? -1 : ORDER.indexOf(entry.role));
  const name = (entry: RosterEntry) => shownName({ author: entry.peer, name: entry.name });
  return [...roster].sort(
    (a, b) => rank(a) - rank(b) || name(a).localeCompare(name(b)) || (a.peer < b.peer ? -1 : 1),
  );
}
