/**
 * What a peer says of itself, signed, for neighbours to tell each other (docs/protocol.md section 5).
 *
 * A record holds no time of day that others could compare with theirs: `sequence` only orders the records of one key,
 * and how old a record is follows from the ages that those add who pass it on.
 */

import type { Role } from "./core/neighbour.ts";
import { OctetError, Reader, Writer } from "./octets.ts";
import { peerId } from "./signing.ts";

const VERSION = 1;
export const MAX_BRAIDS = 8;
const MAX_CREDENTIAL = 512;
export const SIGNATURE = 64;
const ROLES: readonly Role[] = ["viewer", "publisher", "relay", "member"];
const CARRIES = 1;
export const MAX_RECORD: number = 60 + 8 * MAX_BRAIDS + 2 + MAX_CREDENTIAL + SIGNATURE;

/** Bytes are no record of a peer; the message is one sentence. */
export class PeerRecordError extends Error {}

/** `braids` (16 hex digits each): those that it takes part in; `carries`: it passes blocks on. */
export interface PeerRecord {
  /** Raw public key, 32 bytes. */
  readonly key: Uint8Array;
  /** That of its hello, 16 bytes. */
  readonly nonce: Uint8Array;
  readonly sequence: number;
  readonly role: Role;
  readonly carries: boolean;
  readonly braids: readonly string[];
  /** Opaque: what the introducer will vouch for the key with, once rooms have tokens. */
  readonly credential: Uint8Array;
}

/** The record but for its signature. Throws a RangeError when a field is out of its bounds. */
export function recordBody(record: PeerRecord): Uint8Array<ArrayBuffer> {
  const { key, nonce, sequence, role, carries, braids, credential } = record;
  const writer = new Writer()
    .u8(VERSION)
    .u8(carries ? CARRIES : 0)
    .u8(ROLES.indexOf(role));
  writer.bytes(key, 32).bytes(nonce, 16).u64(sequence).u8(braids.length);
  for (const braid of braids) writer.hex(braid, 8);
  if (braids.length > MAX_BRAIDS) throw new RangeError(`A record names at most ${MAX_BRAIDS} braids.`);
  if (credential.length > MAX_CREDENTIAL) {
    throw new RangeError(`A credential has at most ${MAX_CREDENTIAL} bytes.`);
  }
  return writer.u16(credential.length).bytes(credential).finish();
}

/** What the signature with TAG_PEER covers: a record means nothing in another room. */
export function signedByPeer(room: string, body: Uint8Array): Uint8Array {
  return new Writer().lp(room).bytes(body).finish();
}

/** Reads a record, not its signature, and tells whose it is; null for a later version. Throws a PeerRecordError. */
export function readRecord(raw: Uint8Array): { record: PeerRecord; peer: string } | null {
  if (raw.length === 0 || raw.length > MAX_RECORD) {
    throw new PeerRecordError(`A record of a peer has 1 to ${MAX_RECORD} bytes, not ${raw.length}.`);
  }
  if (raw[0] !== VERSION) return null;
  try {
    const reader = new Reader(raw, 1);
    const [flags, role] = [reader.u8(), reader.u8()];
    const [key, nonce, sequence] = [reader.bytes(32).slice(), reader.bytes(16).slice(), reader.u64()];
    const braids = reader.list(reader.u8(), () => reader.hex(8));
    const credential = reader.bytes(reader.u16()).slice();
    if (
      braids.length > MAX_BRAIDS ||
      credential.length > MAX_CREDENTIAL ||
      sequence > Number.MAX_SAFE_INTEGER
    ) {
      throw new PeerRecordError("A field of the record of a peer is out of its bounds.");
    }
    reader.bytes(SIGNATURE);
    reader.end();
    const carries = (flags & CARRIES) !== 0;
    const record = { key, nonce, sequence, role: ROLES[role] ?? "viewer", carries, braids, credential };
    return { record, peer: peerId(key) };
  } catch (error) {
    if (!(error instanceof OctetError)) throw error;
    throw new PeerRecordError("The record of a peer is not as long as its counts say.");
  }
}
