/** What introductions through neighbours ask of the shell, besides `send`, `verify`, `reject` and `links`. */

import type { PeerRecord } from "../peer-record.ts";
import type { RelayAnswer, RelayCandidate, RelayOffer } from "../wire-introductions.ts";
import type { Links, Reject, Send, Verify } from "./actions.ts";

/** Sign `body`, a record of oneself, with TAG_PEER, and answer with `signed(body, signature, now)`. */
export interface Sign {
  readonly type: "sign";
  readonly body: Uint8Array;
}

/** Tell the link set of a peer by its record: a link to it is going to be wanted. */
export interface Acquaint {
  readonly type: "acquaint";
  readonly peer: string;
  readonly record: PeerRecord;
}

/** Neighbours can, or can no longer, pass offers on to `peer`. */
export interface Mediated {
  readonly type: "mediated";
  readonly peer: string;
  readonly possible: boolean;
}

/** Something that neighbours passed on is for us; `peer` is whom it claims to be from. */
export interface Hand {
  readonly type: "hand";
  readonly peer: string;
  readonly message: RelayOffer | RelayAnswer | RelayCandidate;
}

/** Our offer `connection` did not reach `peer`. */
export interface Undelivered {
  readonly type: "undelivered";
  readonly peer: string;
  readonly connection: string;
}

export type IntroductionAction =
  | Send
  | Verify
  | Reject
  | Links
  | Sign
  | Acquaint
  | Mediated
  | Hand
  | Undelivered;
