/** What a core asks its shell to do, one tag for each verb; the shell holds no policy. */

export type Channel = "control" | "blocks";

/** Put `data`, an encoded link message, on the link to `peer`. */
export interface Send {
  readonly type: "send";
  readonly peer: string;
  readonly data: Uint8Array;
  readonly channel: Channel;
}

/** Check an Ed25519 signature over `tag ‖ data` and answer with `verified(token, ok, now)`. */
export interface Verify {
  readonly type: "verify";
  readonly token: number;
  readonly key: Uint8Array;
  readonly tag: Uint8Array;
  readonly data: Uint8Array;
  readonly signature: Uint8Array;
}

/** `peer` sent what cannot be excused: end the link. `reason` is a BYE reason of the protocol. */
export interface Reject {
  readonly type: "reject";
  readonly peer: string;
  readonly reason: number;
  readonly sentence: string;
}

/** A complete, verified part, in order; `seal` is its 148 bytes. */
export interface Deliver {
  readonly type: "deliver";
  readonly seal: Uint8Array;
  readonly data: Uint8Array;
}

/** `parts` parts were given up before the next delivered one. */
export interface Gap {
  readonly type: "gap";
  readonly parts: number;
}

/** Ask the origin for everything from the newest independent part on. */
export interface Join {
  readonly type: "join";
}

/** Ask the origin for one part; answer with `fetched(…)` or `fetchFailed(…)`. */
export interface Fetch {
  readonly type: "fetch";
  readonly epoch: number;
  readonly number: number;
}

/** The peers to which this braid wants links now, parents first. */
export interface Links {
  readonly type: "links";
  readonly peers: readonly string[];
}

/** Ask the planner for a parent on the parity stripe, or no longer. */
export interface Parity {
  readonly type: "parity";
  readonly wanted: boolean;
}

/** Tell the planner who feeds each stripe, and what happened since the last report. */
export interface Report {
  readonly type: "report";
  readonly parents: readonly (string | null)[];
  /** Peers whose links died. */
  readonly lost: readonly string[];
  /** Planned parents that never pushed. */
  readonly failed: readonly string[];
  /** Bytes that each parent pushed, by peer id. */
  readonly receivedFrom: readonly (readonly [string, number])[];
  /** Share of the blocks, 0 to 1, that others overtook or that did not come at all by push. */
  readonly loss: number;
  /** (child, stripe) pairs that can be carried, where these are fewer than the planner may think. */
  readonly slots: number | null;
  /** Peers whose links were ended because they sent bad blocks: hearsay to the planner. */
  readonly harmful: readonly string[];
}

/** The publisher has signed two seals (148 bytes each) for one part: the pair proves it to anybody. */
export interface Equivocation {
  readonly type: "equivocation";
  readonly first: Uint8Array;
  readonly second: Uint8Array;
}

export type Action =
  | Send
  | Verify
  | Reject
  | Equivocation
  | Deliver
  | Gap
  | Join
  | Fetch
  | Links
  | Parity
  | Report;

/** An action that sends `data` to `peer`. */
export function send(peer: string, data: Uint8Array, channel: Channel = "control"): Send {
  return { type: "send", peer, data, channel };
}
