/** What a link set asks its shell to do, and the reasons that it gives. */

/** Why a link is closed, refused or lost. The first five are the reasons of BYE (protocol.md section 6). */
export type LinkReason =
  | "leaving"
  | "not-needed"
  | "bad-block"
  | "protocol-error"
  | "too-many-links"
  | "glare"
  | "replaced"
  | "replayed"
  | "oneself"
  | "expelled"
  | "timed-out"
  | "silent"
  | "stale"
  | "failed"
  | "lost";

export type LinkSetAction =
  /** Make a connection to `peer` and send an offer for it, by neighbours (`mediated`) or by the introducer. */
  | { type: "connect"; peer: string; connection: string; mediated: boolean }
  /** Answer the offer `connection` of `peer`. */
  | { type: "accept"; peer: string; connection: string }
  /** Do not answer that offer. */
  | { type: "refuse"; peer: string; connection: string; reason: LinkReason }
  /** Say BYE where that is possible, and free the connection. */
  | { type: "close"; peer: string; connection: string; reason: LinkReason }
  /** Messages can be sent to `peer` from now on. */
  | { type: "opened"; peer: string }
  /** The open link to `peer` is gone. */
  | { type: "closed"; peer: string; reason: LinkReason }
  /** A wanted peer could not be linked; it is tried again after a while if it is still wanted. */
  | { type: "unreachable"; peer: string }
  /** Nothing came from `peer` for 1.5 s. */
  | { type: "quiet"; peer: string }
  /** `peer` was quiet and is heard again. */
  | { type: "loud"; peer: string }
  | { type: "sendPing"; peer: string };

export interface Introduction {
  /** base64url, as it came; only compared here. */
  readonly key: string;
  /** base64url, of the hello of that peer. */
  readonly nonce: string;
  readonly name: string;
  readonly role: string;
}

export type LinkState = "absent" | "waiting" | "offered" | "accepted" | "open" | "unreachable";
