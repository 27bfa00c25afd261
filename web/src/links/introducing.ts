/**
 * Introductions through neighbours at one mesh: the shell of their core, between links and handshakes; the twin of
 * peer/links/introducing.py. A page loads it when it is in a room.
 *
 * What the introducer would relay is written as link messages here and read again, so that the handshake is the same
 * whoever passed it on.
 */

import { seconds } from "../clockwork.ts";
import type { IntroductionAction } from "../core/introduction-actions.ts";
import { Introductions } from "../core/introductions.ts";
import type { LinkReason } from "../core/link-actions.ts";
import type { Role } from "../core/neighbour.ts";
import { fromBase64url, toBase64url } from "../encoding.ts";
import { verify } from "../identity.ts";
import type {
  Answer,
  Candidate,
  Offer,
  RelayedAnswer,
  RelayedCandidate,
  RelayedOffer,
} from "../signaling-types.ts";
import { MALFORMED, WireError } from "../wire.ts";
import {
  decode,
  MAX_STEPS,
  type RelayAnswer,
  type RelayCandidate,
  type RelayOffer,
} from "../wire-introductions.ts";
import type { Handshake } from "./handshake.ts";

const PURPOSE = "mesh";

/** The mesh. */
export interface Host {
  send(peer: string, data: Uint8Array): boolean;
  want(purpose: string, peers: readonly string[]): void;
  refuse(peer: string, code: number, sentence: string): void;
  /** Neighbours told key and nonce (base64url) of a peer. */
  acquainted(peer: string, key: string, nonce: string, role: Role): void;
  mediated(peer: string, possible: boolean): void;
  /** No neighbour brings our offer to `peer`. */
  undelivered(peer: string, connection: string): void;
  offer(offer: RelayedOffer): Promise<void>;
  answer(answer: RelayedAnswer): Promise<void>;
  candidate(candidate: RelayedCandidate): void;
}

/** What we do in which braids; hungry: some stripe of them has no parent. */
export interface Part {
  carries: boolean;
  braids: readonly string[];
  hungry: boolean;
}

/** `core` decides; this carries out what it decides. */
export class Introducing {
  readonly core: Introductions;
  readonly #handshake: Handshake;
  readonly #host: Host;
  /** Connections whose offer neighbours are to pass on. */
  readonly #byNeighbours = new Set<string>();
  #acting = false;

  constructor(handshake: Handshake, role: Role, limit: number, host: Host, chance: () => number) {
    const { key, room } = handshake;
    const nonce = fromBase64url(handshake.nonce);
    this.core = new Introductions({ key, nonce, room, role, limit, wall: Date.now(), chance }, seconds());
    this.#handshake = handshake;
    this.#host = host;
  }

  takePart({ carries, braids, hungry }: Part, now: number): void {
    this.core.describe(carries, braids, now);
    this.core.hungry(hungry, now);
    this.act();
  }

  handleTimer(now: number): void {
    if (now < this.core.nextTimer()) return;
    this.core.handleTimer(now);
    this.act();
  }

  // From the mesh.

  /** A message of the types 0x30 to 0x35. */
  message(peer: string, data: Uint8Array): void {
    try {
      this.core.received(peer, decode(data), seconds());
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#host.refuse(peer, error.code, error.sentence);
      return;
    }
    this.act();
  }

  linkClosed(peer: string, reason: LinkReason): void {
    this.core.linkClosed(peer, reason === "leaving", seconds());
    this.act();
  }

  /** A connection is gone, whether it became a link or not. */
  connectionClosed(connection: string): void {
    this.#byNeighbours.delete(connection);
    this.core.connectionClosed(connection, seconds());
    this.act();
  }

  /** The offer that is being made for this connection is for neighbours to pass on. */
  askNeighbours(connection: string): void {
    this.#byNeighbours.add(connection);
  }

  /** An offer is not taken; if neighbours brought it, its sender is told. */
  refuse(connection: string): void {
    this.core.refuse(connection, seconds());
    this.act();
  }

  /** Has neighbours pass on what is theirs to pass on; false for what is the introducer's. */
  signal(message: Offer | Answer | Candidate): boolean {
    const now = seconds();
    const { connection } = message;
    let taken = true;
    if (message.type === "candidate") {
      const { candidate, sdp_mid: mid, sdp_m_line_index: mLine } = message;
      const relayed = {
        type: "relayCandidate",
        connection,
        mLine: mLine ?? 0,
        mid: mid ?? "",
        candidate,
      } as const;
      taken = this.core.sendCandidate(relayed, now);
    } else if (message.type === "answer") {
      taken = this.core.sendAnswer({ type: "relayAnswer", connection, ...described(message) }, now);
    } else if (this.#byNeighbours.delete(connection)) {
      const { to } = message;
      const offer: RelayOffer = {
        type: "relayOffer",
        hops: MAX_STEPS,
        connection,
        to,
        ...described(message),
      };
      if (!this.core.sendOffer(offer, now)) this.#host.undelivered(to, connection);
    } else {
      taken = false;
    }
    this.act();
    return taken;
  }

  /** Does what the core asks for. What that brings about comes after what was asked for before it. */
  act(): void {
    if (this.#acting) return;
    this.#acting = true;
    try {
      for (let actions = this.core.pollActions(); actions.length > 0; actions = this.core.pollActions()) {
        for (const action of actions) this.#do(action);
      }
    } finally {
      this.#acting = false;
    }
  }

  // Inside.

  #do(action: IntroductionAction): void {
    switch (action.type) {
      case "send":
        this.#host.send(action.peer, action.data);
        break;
      case "verify":
        void verify(action.key, action.tag, action.data, action.signature).then((genuine) => {
          this.core.verified(action.token, genuine, seconds());
          this.act();
        });
        break;
      case "sign":
        void this.#handshake.signRecord(action.body).then((signature) => {
          this.core.signed(action.body, signature, seconds());
          this.act();
        });
        break;
      case "reject":
        this.#host.refuse(action.peer, MALFORMED, action.sentence);
        break;
      case "links":
        this.#host.want(PURPOSE, action.peers);
        break;
      case "acquaint": {
        const { key, nonce, role } = action.record;
        this.#host.acquainted(action.peer, toBase64url(key), toBase64url(nonce), role);
        break;
      }
      case "mediated":
        this.#host.mediated(action.peer, action.possible);
        break;
      case "undelivered":
        this.#host.undelivered(action.peer, action.connection);
        break;
      case "hand":
        this.#hand(action.peer, action.message);
        break;
    }
  }

  /** What neighbours brought, as the introducer would have brought it. */
  #hand(from: string, message: RelayOffer | RelayAnswer | RelayCandidate): void {
    const { connection } = message;
    if (message.type === "relayCandidate") {
      const { candidate, mid, mLine } = message;
      const line = { sdp_mid: mid, sdp_m_line_index: mLine };
      this.#host.candidate({ type: "candidate", from, connection, candidate, ...line });
      return;
    }
    const { sdp } = message;
    const [key, nonce] = [toBase64url(message.key), toBase64url(message.nonce)];
    const signature = toBase64url(message.signature);
    const relayed = { from, connection, key, nonce, sdp, signature };
    if (message.type === "relayOffer") void this.#host.offer({ type: "offer", ...relayed });
    else void this.#host.answer({ type: "answer", ...relayed });
  }
}

function described({ key, nonce, signature, sdp }: Offer | Answer) {
  return {
    key: fromBase64url(key),
    nonce: fromBase64url(nonce),
    signature: fromBase64url(signature),
    sdp,
  };
}
