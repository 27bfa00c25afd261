// Generated from signaling/protocol.schema.json by `npm run types`; changes belong into signaling/protocol.py.

/**
 * A message between a peer and an introducer (docs/protocol.md, section 4).
 */
export type SignalingMessage = ClientMessage | ServerMessage;
export type ClientMessage =
  | Hello
  | Announce
  | Watch
  | Unwatch
  | Offer
  | Answer
  | Candidate
  | Report
  | Neighbours
  | Moderate
  | Leave
  | Ping;
export type ServerMessage =
  | Challenge
  | Welcome
  | Joined
  | Left
  | Stream
  | Introduce
  | Plan
  | RelayedOffer
  | RelayedAnswer
  | RelayedCandidate
  | Pong
  | ErrorMessage;

/**
 * The first message of a peer. The signature (tag `braidcast join`) is over `join_payload`.
 *
 *     `owner` is the key of the room's owner as far as the peer knows: the first hello in a room decides whose
 *     measures the introducer carries out there.
 */
export interface Hello {
  /**
   * @maxItems 32
   */
  capabilities?: string[];
  key: string;
  name?: string;
  nonce: string;
  owner?: string | null;
  role: "member" | "publisher" | "relay" | "viewer";
  room: string;
  session?: string | null;
  signature: string;
  token?: string | null;
  type: "hello";
  version: number;
}
/**
 * A publisher's signed stream description; its key must be the peer's own.
 */
export interface Announce {
  description: string;
  type: "announce";
}
/**
 * Ask for a place in a braid. `carry: false` makes a leaf; `uplink` is in bit/s.
 *
 *     `parity` asks for a parent on the parity stripe, too: plans then have S + 1 parents.
 */
export interface Watch {
  carry?: boolean;
  parity?: boolean;
  rendition: string;
  stream: string;
  type: "watch";
  uplink?: number | null;
}
/**
 * Give the place in a braid up.
 */
export interface Unwatch {
  rendition: string;
  stream: string;
  type: "unwatch";
}
/**
 * An offer for the peer `to` (section 5).
 */
export interface Offer {
  connection: string;
  key: string;
  nonce: string;
  sdp: string;
  signature: string;
  to: string;
  type: "offer";
}
/**
 * An answer for the peer `to` (section 5).
 */
export interface Answer {
  connection: string;
  key: string;
  nonce: string;
  sdp: string;
  signature: string;
  to: string;
  type: "answer";
}
/**
 * A trickled candidate for the peer `to`; an empty one is the end.
 */
export interface Candidate {
  candidate: string;
  connection: string;
  sdp_m_line_index?: number | null;
  sdp_mid?: string | null;
  to: string;
  type: "candidate";
}
/**
 * How a peer fares in a braid.
 *
 *     Who feeds it by stripe, whose links died, who could not be reached, seconds of round trip by peer, and,
 *     since the last report, the bytes that went over its links, the bytes of blocks that each parent pushed,
 *     and the share of blocks that did not come by push in time. `slots` is how many (child, stripe) pairs it
 *     can feed if that is fewer than its plan says; `harmful` are peers whose links it ended for bad blocks,
 *     which is believed of nobody on one peer's word. What a peer says of itself only lowers its capacity; what
 *     its children received from it, those with other address prefixes, raises it.
 */
export interface Report {
  braid: string;
  /**
   * @maxItems 64
   */
  failed?: string[];
  /**
   * @maxItems 64
   */
  harmful?: string[];
  loss?: number;
  /**
   * @maxItems 64
   */
  lost?: string[];
  /**
   * @minItems 1
   * @maxItems 16
   */
  parents: [string | null, ...(string | null)[]];
  received?: number;
  received_from?: {
    [k: string]: number;
  };
  rtt?: {
    [k: string]: number;
  };
  sent?: number;
  slots?: number | null;
  type: "report";
}
/**
 * Ask to be introduced to more peers; `links` is how many links the peer has.
 */
export interface Neighbours {
  links: number;
  type: "neighbours";
}
/**
 * What those who may have done in the room, a checkpoint and then earlier measures first.
 */
export interface Moderate {
  /**
   * @maxItems 16
   */
  measures: SignedMeasure[];
  type: "moderate";
}
/**
 * A chat message of kind 5 or 6 (section 8): header, its author's signature over that, and body.
 */
export interface SignedMeasure {
  body: string;
  header: string;
  signature: string;
}
/**
 * Going for good.
 */
export interface Leave {
  type: "leave";
}
/**
 * Heartbeat.
 */
export interface Ping {
  type: "ping";
}
/**
 * The first message on every socket; the peer signs `nonce` in its hello.
 */
export interface Challenge {
  /**
   * @maxItems 32
   */
  capabilities: string[];
  nonce: string;
  type: "challenge";
  versions: number[];
}
/**
 * The peer is in the room.
 *
 *     A `session` other than the one that the hello named means that the old place was gone: announce and watch
 *     again. `roster` begins with the peer itself and is a sample in large rooms, `count` counts everybody.
 *     `heartbeat` is in seconds.
 */
export interface Welcome {
  count: number;
  heartbeat: number;
  ice_servers: IceServer[];
  peer: string;
  roster: RosterEntry[];
  session: string;
  streams: string[];
  type: "welcome";
  version: number;
}
/**
 * A STUN or TURN server, with the fields of RTCIceServer.
 */
export interface IceServer {
  credential?: string | null;
  urls: string[];
  username?: string | null;
}
/**
 * Somebody who is in the room.
 */
export interface RosterEntry {
  name: string;
  peer: string;
  role: "member" | "publisher" | "relay" | "viewer";
}
/**
 * Somebody came. `count` is how many there are now.
 */
export interface Joined {
  count: number;
  name: string;
  peer: string;
  role: "member" | "publisher" | "relay" | "viewer";
  type: "joined";
}
/**
 * Somebody left for good. `count` is how many there are now.
 */
export interface Left {
  count: number;
  peer: string;
  type: "left";
}
/**
 * A new or changed stream description.
 */
export interface Stream {
  description: string;
  type: "stream";
}
/**
 * Neighbours: the receiver opens a link to each.
 */
export interface Introduce {
  /**
   * @maxItems 64
   */
  peers: Introduction[];
  type: "introduce";
}
/**
 * What one needs to know of a peer in order to open a link to it.
 */
export interface Introduction {
  key: string;
  name: string;
  nonce: string;
  peer: string;
  role: "member" | "publisher" | "relay" | "viewer";
}
/**
 * Who feeds the receiver in one braid; a greater `sequence` replaces a smaller.
 *
 *     `parents` has an entry for each stripe, and one more if the receiver is to take the parity stripe; null
 *     means that nobody can feed it and the origin must. `slots` is how many (child, stripe) pairs the planner
 *     may give to the receiver, `children_limit` how many of them it should accept at most, which leaves room
 *     for peers that fail over to it. Both are zero for a leaf.
 */
export interface Plan {
  braid: string;
  children_limit: number;
  /**
   * @maxItems 64
   */
  introductions: Introduction[];
  /**
   * @minItems 1
   * @maxItems 16
   */
  parents: [string | null, ...(string | null)[]];
  rendition: string;
  sequence: number;
  slots: number;
  /**
   * @maxItems 64
   */
  standbys: string[];
  stream: string;
  type: "plan";
}
/**
 * An offer by the peer `from` (section 5).
 */
export interface RelayedOffer {
  connection: string;
  from: string;
  key: string;
  nonce: string;
  sdp: string;
  signature: string;
  type: "offer";
}
/**
 * An answer by the peer `from` (section 5).
 */
export interface RelayedAnswer {
  connection: string;
  from: string;
  key: string;
  nonce: string;
  sdp: string;
  signature: string;
  type: "answer";
}
/**
 * A trickled candidate of the peer `from`; an empty one is the end.
 */
export interface RelayedCandidate {
  candidate: string;
  connection: string;
  from: string;
  sdp_m_line_index?: number | null;
  sdp_mid?: string | null;
  type: "candidate";
}
/**
 * The answer to a ping.
 */
export interface Pong {
  type: "pong";
}
/**
 * One sentence for a person, about a message of type `about`. After a fatal one the socket is closed.
 */
export interface ErrorMessage {
  about?: string | null;
  code:
    | "duplicate"
    | "malformed"
    | "not-joined"
    | "rate"
    | "refused"
    | "room-full"
    | "signature"
    | "too-large"
    | "unknown-peer"
    | "unknown-session"
    | "version";
  fatal: boolean;
  message: string;
  type: "error";
}
