/**
 * Reads what an introducer sends (docs/protocol.md section 4). The types are generated; here is what makes sure that a
 * message really is of its type before anything relies on it. Unknown fields are left alone.
 */

import type { ServerMessage } from "./signaling-types.ts";

/** Characters of one message. */
const MAX_TEXT = 65_536;

type Check = (value: unknown) => boolean;

const text =
  (most: number): Check =>
  (value) =>
    typeof value === "string" && value.length <= most;
const matching =
  (pattern: RegExp): Check =>
  (value) =>
    typeof value === "string" && pattern.test(value);
const oneOf =
  (...values: string[]): Check =>
  (value) =>
    typeof value === "string" && values.includes(value);
const within =
  (most: number): Check =>
  (value) =>
    typeof value === "number" && value >= 0 && value <= most;
const count: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const flag: Check = (value) => typeof value === "boolean";
const maybe =
  (check: Check): Check =>
  (value) =>
    value === undefined || value === null || check(value);
const orNull =
  (check: Check): Check =>
  (value) =>
    value === null || check(value);
const list =
  (check: Check, most: number, least = 0): Check =>
  (value) =>
    Array.isArray(value) && value.length >= least && value.length <= most && value.every(check);
const record =
  (fields: Record<string, Check>): Check =>
  (value) =>
    typeof value === "object" &&
    value !== null &&
    Object.entries(fields).every(([name, check]) => check((value as Record<string, unknown>)[name]));

const id = matching(/^[0-9a-f]{32}$/);
const shortId = matching(/^[0-9a-f]{16}$/);
const key = matching(/^[A-Za-z0-9_-]{43}$/);
const nonce = matching(/^[A-Za-z0-9_-]{22}$/);
const signature = matching(/^[A-Za-z0-9_-]{86}$/);
const description = matching(/^[A-Za-z0-9_-]{129,43819}$/);
const name = matching(/^[A-Za-z0-9][A-Za-z0-9._~-]{0,63}$/);
const nickname = text(64);
const role = oneOf("viewer", "publisher", "relay", "member");
const introduction = record({ peer: id, key, nonce, name: nickname, role });
const described = { from: id, connection: shortId, key, nonce, sdp: text(32_768), signature };

const MESSAGES: Record<string, Check> = {
  challenge: record({ versions: list(count, 32, 1), nonce }),
  welcome: record({
    version: count,
    peer: id,
    session: text(64),
    ice_servers: list(
      record({ urls: list(text(1_024), 16), username: maybe(text(1_024)), credential: maybe(text(1_024)) }),
      32,
    ),
    heartbeat: within(3_600),
    roster: list(record({ peer: id, name: nickname, role }), 1_024),
    count,
    streams: list(description, 64),
  }),
  joined: record({ peer: id, name: nickname, role, count }),
  left: record({ peer: id, count }),
  stream: record({ description }),
  introduce: record({ peers: list(introduction, 64) }),
  plan: record({
    stream: name,
    rendition: name,
    braid: shortId,
    sequence: count,
    parents: list(orNull(id), 16, 1),
    standbys: list(id, 64),
    introductions: list(introduction, 64),
    slots: count,
    children_limit: count,
  }),
  offer: record(described),
  answer: record(described),
  candidate: record({
    from: id,
    connection: shortId,
    candidate: text(2_048),
    sdp_mid: maybe(text(64)),
    sdp_m_line_index: maybe(within(65_535)),
  }),
  pong: () => true,
  error: record({ code: text(64), message: text(1_024), fatal: flag, about: maybe(text(64)) }),
};

/** The message in a frame; null when its type is not known, or when it is not what its type says. */
export function readServerMessage(frame: unknown): ServerMessage | null {
  if (typeof frame !== "string" || frame.length > MAX_TEXT) return null;
  let value: unknown;
  try {
    value = JSON.parse(frame);
  } catch {
    return null;
  }
  const type = (value as { type?: unknown } | null)?.type;
  if (typeof type !== "string" || !Object.hasOwn(MESSAGES, type)) return null;
  return MESSAGES[type]?.(value) ? (value as ServerMessage) : null;
}
