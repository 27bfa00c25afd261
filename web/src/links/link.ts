/** What a link is to the rest of the peer, whatever carries it; the twin of peer/links/link.py. */

import type { LinkReason } from "../core/link-actions.ts";

/** `control` is ordered, `blocks` is not; both are reliable. */
export type Channel = "control" | "blocks";
export const CHANNELS: readonly Channel[] = ["control", "blocks"];

/** Bytes that may wait on one channel; `send` takes no more. */
export const BUFFER_LIMIT: number = 8 * 1024 * 1024;
/** `drained` is called when what waits on a channel falls to this many bytes. */
export const LOW_WATER: number = 64 * 1024;

/** The reasons of BYE by their number (protocol.md section 6). */
const BYE_REASONS: readonly LinkReason[] = [
  "leaving",
  "not-needed",
  "bad-block",
  "protocol-error",
  "too-many-links",
];

/** The number that says `reason` to the other side; what has none of its own is "not needed". */
export function byeCode(reason: LinkReason): number {
  const code = BYE_REASONS.indexOf(reason);
  return code === -1 ? BYE_REASONS.indexOf("not-needed") : code;
}

/** The reason that `code` stands for; numbers of later versions count as leaving. */
export function byeReason(code: number): LinkReason {
  return BYE_REASONS[code] ?? "leaving";
}

export interface Link {
  /** Id of the peer at the other end, 32 hex digits. */
  readonly peer: string;
  /** Id of this connection, 16 hex digits; another one to the same peer has another. */
  readonly connection: string;
  /** Bytes of messages that `send` took. */
  readonly sentBytes: Readonly<Record<Channel, number>>;
  /** Bytes of messages that came. */
  readonly receivedBytes: Readonly<Record<Channel, number>>;
  /**
   * Queues one message; false when it was not taken: the link is not open, or BUFFER_LIMIT is reached. Throws a
   * RangeError when the message is larger than the protocol allows.
   */
  send(data: Uint8Array, channel: Channel): boolean;
  /** Bytes that were taken and have not left yet. */
  buffered(channel: Channel): number;
  /** Says BYE, if the link is open, and ends it. `closed` is not called for it. */
  close(reason?: LinkReason): void;
  /** Answers a message that broke the protocol with ERROR and ends the link, as `close` does. */
  fail(code: number, sentence: string): void;
}

/** Who is told what happens on a link; never from within `send` or `close`. */
export interface LinkEvents {
  /** Both channels are open and both HELLOs were exchanged. */
  opened(link: Link): void;
  /** A message came. HELLO, ERROR and BYE are dealt with by the link. */
  message(link: Link, data: Uint8Array, channel: Channel): void;
  /** What waits on `channel` has fallen to LOW_WATER. */
  drained(link: Link, channel: Channel): void;
  /** The link ended, or could not be made, and not by one's own `close`. Called at most once, last. */
  closed(link: Link, reason: LinkReason): void;
}
