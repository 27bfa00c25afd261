/** Where the owner of a room lets its log begin: the body of such a message (docs/protocol.md section 8). */

import { fromBase64url, fromHex, toBase64url, toHex } from "../encoding.ts";
import { readBody, readId } from "./chat-acts.ts";
import type { Place } from "./chat-message.ts";
import { isCount, MAX_SLOW, type Measure, type MeasureRole, measure, readIds } from "./measures.ts";

/** The kind of the messages that hold checkpoints. */
export const CHECKPOINT = 6;
/** The last ones that a checkpoint settles are told of: who has not seen it may name them. */
export const SETTLED_MEASURES = 32;
const KEY = 32;
const LISTS = ["known", "moderators", "members", "banned", "muted"] as const;

/**
 * All that stands at `settled` or before it is settled, and nobody keeps it.
 *
 * `known` are ids of that which later messages name: nobody waits for those. Of the measures among it this stays in force:
 * who is moderator or member, banned or muted (keys), who may still speak where the room is locked, and the least time
 * between two messages in slow mode, 0 for none.
 */
export interface Checkpoint extends Measure {
  readonly settled: Place;
  readonly known: readonly string[];
  readonly moderators: readonly string[];
  readonly members: readonly string[];
  readonly banned: readonly string[];
  readonly muted: readonly string[];
  readonly lock: MeasureRole | null;
  readonly slow: number;
}

/** A checkpoint with what is not given left out. */
export function checkpoint(fields: Partial<Checkpoint> = {}): Checkpoint {
  return {
    ...measure("checkpoint"),
    settled: [0, "", ""],
    known: [],
    moderators: [],
    members: [],
    banned: [],
    muted: [],
    lock: null,
    slow: 0,
    ...fields,
  };
}

export function isCheckpoint(measure: Measure | null): measure is Checkpoint {
  return measure?.verb === "checkpoint";
}

/** How many people are named. */
export function peopleIn({ moderators, members, banned, muted }: Checkpoint): number {
  return new Set([...moderators, ...members, ...banned, ...muted]).size;
}

/** The body of a checkpoint, which may be longer than a message has room for. */
export function writeCheckpoint(given: Checkpoint): Uint8Array {
  const { after, settled, lock, slow } = given;
  const lists = LISTS.filter((name) => given[name].length > 0).map((name) => [
    name,
    toBase64url(fromHex(given[name].join(""))),
  ]);
  return new TextEncoder().encode(
    JSON.stringify({
      after,
      settled,
      ...Object.fromEntries(lists),
      ...(lock !== null && { lock }),
      ...(slow > 0 && { slow }),
    }),
  );
}

/** The checkpoint in a body of kind CHECKPOINT; null where there is none. */
export function readCheckpoint(body: Uint8Array): Checkpoint | null {
  const fields = readBody(body);
  if (fields === null) return null;
  const { after: ids, settled: place, lock = null, slow = 0 } = fields;
  const [after, settled] = [readIds(ids), readPlace(place)];
  const [known, moderators, members, banned, muted] = LISTS.map((name) =>
    readKeys(fields[name] === undefined ? "" : fields[name]),
  );
  if (after === null || settled === null || !isCount(slow, MAX_SLOW)) return null;
  if (lock !== "moderator" && lock !== "member" && lock !== null) return null;
  if (!known || !moderators || !members || !banned || !muted) return null;
  return checkpoint({
    after,
    settled,
    known,
    moderators,
    members,
    banned,
    muted,
    lock,
    slow,
  });
}

function readPlace(value: unknown): Place | null {
  if (!Array.isArray(value) || value.length !== 3) return null;
  const [clock, author, id] = [value[0] as unknown, readId(value[1]), readId(value[2])];
  return isCount(clock, 2 ** 32 - 1) && author !== null && id !== null ? [clock, author, id] : null;
}

/** Distinct keys, or ids, of 32 bytes each, in a row. */
function readKeys(value: unknown): string[] | null {
  if (typeof value !== "string") return null;
  let data: Uint8Array;
  try {
    data = fromBase64url(value);
  } catch {
    return null;
  }
  const keys: string[] = [];
  for (let at = 0; at < data.length; at += KEY) keys.push(toHex(data.subarray(at, at + KEY)));
  return data.length % KEY === 0 && new Set(keys).size === keys.length ? keys : null;
}
