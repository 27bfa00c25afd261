/** What is signed: pure, so that cores may use it (docs/protocol.md sections 1 and 5). */

import { sha256 } from "@noble/hashes/sha2.js";
import { toHex } from "./encoding.ts";
import { Writer } from "./octets.ts";

const ascii = new TextEncoder();
export const TAG_SEAL: Uint8Array = ascii.encode("braidcast seal\0");
export const TAG_STREAM: Uint8Array = ascii.encode("braidcast stream\0");
export const TAG_JOIN: Uint8Array = ascii.encode("braidcast join\0");
export const TAG_LINK: Uint8Array = ascii.encode("braidcast link\0");
export const TAG_CHAT: Uint8Array = ascii.encode("braidcast chat\0");
export const TAG_PEER: Uint8Array = ascii.encode("braidcast peer\0");

export const OFFER = 1;
export const ANSWER = 2;

/** Room, stream and rendition names. */
export const NAME = /^[A-Za-z0-9][A-Za-z0-9._~-]{0,63}$/;

export interface Signer {
  /** Raw public key, 32 bytes. */
  readonly key: Uint8Array;
  /** The signature (64 bytes) over `tag` and `data`. */
  sign(tag: Uint8Array, data: Uint8Array): Promise<Uint8Array>;
}

/** The id (32 hex digits) of the peer with public key `key`. */
export function peerId(key: Uint8Array): string {
  return toHex(sha256(key).subarray(0, 16));
}

/** The id (16 hex digits) of the braid in which the publisher `key` sends a rendition. */
export function braidId(key: Uint8Array, room: string, stream: string, rendition: string): string {
  const names = new Writer().bytes(key).lp(room).lp(stream).lp(rendition).finish();
  return toHex(sha256(names).subarray(0, 8));
}

/** What a `hello` signs with `TAG_JOIN`: `challenge` and `nonce` are 16 bytes each. */
export function joinPayload(
  room: string,
  challenge: Uint8Array,
  key: Uint8Array,
  nonce: Uint8Array,
): Uint8Array {
  return new Writer().lp(room).bytes(challenge).bytes(key).bytes(nonce).finish();
}

/**
 * What an offer or answer signs with `TAG_LINK`.
 *
 * `connection` is 16 hex digits, ids 32; nonces have 16 bytes, `fingerprint` 32. Throws a RangeError when one has
 * not: different sets of fields could otherwise give the same signed bytes.
 */
export function linkPayload(
  kind: typeof OFFER | typeof ANSWER,
  room: string,
  connection: string,
  fromId: string,
  toId: string,
  fromNonce: Uint8Array,
  toNonce: Uint8Array,
  fingerprint: Uint8Array,
): Uint8Array {
  return new Writer()
    .u8(kind)
    .lp(room)
    .hex(connection, 8)
    .hex(fromId, 16)
    .hex(toId, 16)
    .bytes(fromNonce, 16)
    .bytes(toNonce, 16)
    .bytes(fingerprint, 32)
    .finish();
}
