/** What somebody with standing does in a room: the body of such a message (docs/protocol.md section 8). */

import { isText, readBody, readId } from "./chat-acts.ts";

/** The kind of the messages that hold measures. */
export const MEASURE = 5;
export const MAX_AFTER = 8;
const MAX_LAST = 8;
export const MAX_REASON = 200;
export const MAX_SLOW = 3600;
/** Bytes of a body. */
const MAX_MEASURE = 4096;

const VERBS = [
  "grant",
  "revoke",
  "mute",
  "unmute",
  "kick",
  "ban",
  "unban",
  "delete",
  "lock",
  "unlock",
  "slow",
] as const;
/** A checkpoint is of a kind of its own (checkpoint.ts). */
export type Verb = (typeof VERBS)[number] | "checkpoint";
export type MeasureRole = "moderator" | "member";
const ON_NOBODY: ReadonlySet<Verb> = new Set(["lock", "unlock", "slow"]);
const WITH_ROLE: ReadonlySet<Verb> = new Set(["grant", "revoke", "lock"]);
export const WITH_LAST: ReadonlySet<Verb> = new Set(["mute", "ban"]);

/**
 * `after` are the last measures that its author knew, by id; `subject` is a key. `role` is what is granted or revoked, or who
 * may still speak where a room is locked. `last` are the last messages of the subject that count, as (clock, id). `target` is
 * the message that is deleted, `seconds` the least time between two messages of one author in slow mode, 0 to end it.
 */
export interface Measure {
  readonly verb: Verb;
  readonly after: readonly string[];
  readonly subject: string | null;
  readonly role: MeasureRole | null;
  readonly last: readonly (readonly [clock: number, id: string])[];
  readonly target: string | null;
  readonly seconds: number;
  readonly reason: string;
}

const encoder = new TextEncoder();

/** A measure with what is not given left out. */
export function measure(verb: Verb, fields: Partial<Measure> = {}): Measure {
  const nothing = { after: [], subject: null, role: null, last: [], target: null, seconds: 0, reason: "" };
  return { verb, ...nothing, ...fields };
}

/** The body of a measure. */
export function writeMeasure({
  verb,
  after,
  subject,
  role,
  last,
  target,
  seconds,
  reason,
}: Measure): Uint8Array {
  return encoder.encode(
    JSON.stringify({
      act: verb,
      after,
      ...(subject !== null && { subject }),
      ...(role !== null && { role }),
      ...(WITH_LAST.has(verb) && { last }),
      ...(target !== null && { target }),
      ...(verb === "slow" && { seconds }),
      ...(reason !== "" && { reason }),
    }),
  );
}

/** The measure in a body of kind MEASURE; null where there is none. */
export function readMeasure(body: Uint8Array): Measure | null {
  if (body.length > MAX_MEASURE) return null;
  const fields = readBody(body);
  if (fields === null) return null;
  const { act, role, seconds = 0, reason = "", after: known, last: named = [] } = fields;
  const verb = VERBS.find((known) => known === act);
  if (verb === undefined) return null;
  const [after, last] = [readIds(known), readLast(named)];
  const { subject: whom, target: what } = fields;
  const [subject, target] = [readId(whom), readId(what)];
  if (after === null || last === null) return null;
  if ((subject !== null) === ON_NOBODY.has(verb)) return null;
  if (WITH_ROLE.has(verb) && role !== "moderator" && role !== "member") return null;
  if (verb === "delete" && target === null) return null;
  if (!isCount(seconds, MAX_SLOW) || !isText(reason, 0, MAX_REASON)) return null;
  return {
    verb,
    after,
    subject,
    role: WITH_ROLE.has(verb) ? (role as MeasureRole) : null,
    last: WITH_LAST.has(verb) ? last : [],
    target: verb === "delete" ? target : null,
    seconds: verb === "slow" ? seconds : 0,
    reason,
  };
}

/** At most 8 distinct ids; null for anything else. A missing list is an empty one. */
export function readIds(value: unknown): string[] | null {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value) || value.length > MAX_AFTER) return null;
  const ids = value.map(readId).filter((id) => id !== null);
  return new Set(ids).size === value.length ? ids : null;
}

function readLast(value: unknown): [number, string][] | null {
  if (!Array.isArray(value) || value.length > MAX_LAST) return null;
  const found: [number, string][] = [];
  for (const entry of value as unknown[]) {
    if (!Array.isArray(entry) || entry.length !== 2) return null;
    const [clock, id] = [entry[0] as unknown, readId(entry[1])];
    if (!isCount(clock, 2 ** 32 - 1) || id === null) return null;
    found.push([clock, id]);
  }
  return found;
}

/** Whether that is a whole number from 0 to `most`. */
export function isCount(value: unknown, most: number): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= most;
}
