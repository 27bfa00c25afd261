/**
 * Signed offers and answers: what makes a connection belong to two peers, whoever relays it.
 *
 * See docs/protocol.md section 5. Connection ids that were seen before are the link set's to refuse.
 */

import { fromBase64url, toBase64url } from "../encoding.ts";
import {
  ANSWER,
  fingerprint,
  linkPayload,
  OFFER,
  peerId,
  pinnedSdp,
  type Signer,
  TAG_LINK,
  TAG_PEER,
  verify,
} from "../identity.ts";
import { Writer } from "../octets.ts";
import type { Answer, Offer, RelayedAnswer, RelayedOffer } from "../signaling-types.ts";

/** An offer or answer that must not be used; the message is one sentence for a person. */
export class HandshakeError extends Error {}

/** An offer or answer that its sender signed for us. `sdp` holds no fingerprint that is not covered. */
export interface CheckedDescription {
  readonly peer: string;
  readonly connection: string;
  /** base64url */
  readonly key: string;
  /** base64url */
  readonly nonce: string;
  readonly sdp: string;
}

/** Signs and checks for one peer in one room. Nonces are base64url, as in signaling. */
export class Handshake {
  readonly #id: string;

  /** `nonce` is the one of our hello. */
  constructor(
    private readonly identity: Signer,
    readonly room: string,
    readonly nonce: string,
  ) {
    this.#id = peerId(identity.key);
  }

  get key(): Uint8Array {
    return this.identity.key;
  }

  /** The signature of a record of ourselves, for neighbours to tell. */
  signRecord(body: Uint8Array): Promise<Uint8Array> {
    return this.identity.sign(TAG_PEER, new Writer().lp(this.room).bytes(body).finish());
  }

  /** The offer `sdp` to `peer`. Rejects with a RangeError when the SDP has no usable fingerprint. */
  async signOffer(peer: string, peerNonce: string, connection: string, sdp: string): Promise<Offer> {
    return { type: "offer", ...(await this.#sign(OFFER, peer, peerNonce, connection, sdp)) };
  }

  /** The answer `sdp` to `peer`. Rejects with a RangeError when the SDP has no usable fingerprint. */
  async signAnswer(peer: string, peerNonce: string, connection: string, sdp: string): Promise<Answer> {
    return { type: "answer", ...(await this.#sign(ANSWER, peer, peerNonce, connection, sdp)) };
  }

  /** Rejects with a HandshakeError unless the sender signed this very offer for us and our nonce. */
  checkOffer(offer: RelayedOffer): Promise<CheckedDescription> {
    return this.#check(OFFER, offer);
  }

  /** Rejects with a HandshakeError unless `peer` signed `answer`, and to our offer of `connection`. */
  async checkAnswer(
    answer: RelayedAnswer,
    peer: string,
    peerNonce: string,
    connection: string,
  ): Promise<CheckedDescription> {
    const checked = await this.#check(ANSWER, answer);
    if (checked.peer !== peer || checked.nonce !== peerNonce || checked.connection !== connection) {
      throw new HandshakeError("The answer belongs to another offer.");
    }
    return checked;
  }

  async #sign(kind: 1 | 2, peer: string, peerNonce: string, connection: string, sdp: string) {
    const payload = linkPayload(
      kind,
      this.room,
      connection,
      this.#id,
      peer,
      fromBase64url(this.nonce),
      fromBase64url(peerNonce),
      fingerprint(sdp),
    );
    return {
      to: peer,
      connection,
      key: toBase64url(this.identity.key),
      nonce: this.nonce,
      sdp,
      signature: toBase64url(await this.identity.sign(TAG_LINK, payload)),
    };
  }

  async #check(kind: 1 | 2, message: RelayedOffer | RelayedAnswer): Promise<CheckedDescription> {
    const { from: peer, connection, key, nonce } = message;
    let read: { keyBytes: Uint8Array; signature: Uint8Array; payload: Uint8Array; sdp: string };
    try {
      const sdp = pinnedSdp(message.sdp);
      read = {
        sdp,
        keyBytes: fromBase64url(key),
        signature: fromBase64url(message.signature),
        payload: linkPayload(
          kind,
          this.room,
          connection,
          peer,
          this.#id,
          fromBase64url(nonce),
          fromBase64url(this.nonce),
          fingerprint(sdp),
        ),
      };
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new HandshakeError(`The ${message.type} cannot be used: ${error.message}`);
    }
    if (peerId(read.keyBytes) !== peer) {
      throw new HandshakeError(
        `The key in the ${message.type} is not the one of the peer that it comes from.`,
      );
    }
    if (!(await verify(read.keyBytes, TAG_LINK, read.payload, read.signature))) {
      throw new HandshakeError(
        `The signature of the ${message.type} does not fit it: it was altered, or is not new.`,
      );
    }
    const sections = read.sdp.split("\r\n").filter((line) => line.startsWith("m="));
    if (sections.length !== 1 || !sections[0]?.startsWith("m=application ")) {
      throw new HandshakeError(`The ${message.type} is for more than data channels.`);
    }
    return { peer, connection, key, nonce, sdp: read.sdp };
  }
}
