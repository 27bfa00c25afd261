/**
 * The messages by which neighbours introduce peers to each other (docs/protocol.md section 6).
 *
 * They are kept apart from `wire.ts`, for a page loads them only when it has a link. `decode` holds what came to every
 * bound, or throws a WireError; records of peers are read where they are used. Ids are hex.
 */

import { OctetError, Reader, Writer } from "./octets.ts";
import { MAX_RECORD } from "./peer-record.ts";
import { peerId } from "./signing.ts";
import { MALFORMED, TOO_LARGE, WireError } from "./wire.ts";

export const MAX_TOLD = 8;
/** Peers that a walk visits, and that may lie between two who are introduced. */
export const MAX_STEPS = 4;
export const MAX_AGE = 3_600_000;
const MAX_SDP = 8192;
const MAX_CANDIDATE = 1024;

/** Reasons of a RelayFailed. */
export const NO_WAY = 1;
export const TOO_FAR = 2;
export const LOOP = 3;
export const TOO_OFTEN = 4;
export const NOT_TAKEN = 5;

/** A signed record; `hops` peers lie between teller and peer, `age` is in ms since it was signed. */
export interface Told {
  hops: number;
  age: number;
  record: Uint8Array;
}

/** Peers that the sender knows, on a walk of `steps` more peers; the last answers with Peers. */
export interface Shuffle {
  type: "shuffle";
  walk: number;
  steps: number;
  told: readonly Told[];
}

/** Peers that the sender knows: the answer to a walk, or unasked (walk 0). */
export interface Peers {
  type: "peers";
  walk: number;
  told: readonly Told[];
}

/** An offer to `to`, signed by the owner of `key`; `hops` more peers may pass it on. */
export interface RelayOffer {
  type: "relayOffer";
  hops: number;
  connection: string;
  to: string;
  key: Uint8Array;
  nonce: Uint8Array;
  signature: Uint8Array;
  sdp: string;
}

/** The answer to the offer of that connection; it goes back the way that the offer came. */
export interface RelayAnswer {
  type: "relayAnswer";
  connection: string;
  key: Uint8Array;
  nonce: Uint8Array;
  signature: Uint8Array;
  sdp: string;
}

/** A trickled candidate of either side; an empty one is the end. */
export interface RelayCandidate {
  type: "relayCandidate";
  connection: string;
  mLine: number;
  mid: string;
  candidate: string;
}

/** The offer of that connection does not reach its addressee this way. */
export interface RelayFailed {
  type: "relayFailed";
  connection: string;
  reason: number;
}

export type Introducing = Shuffle | Peers | RelayOffer | RelayAnswer | RelayCandidate | RelayFailed;

/** The id of the peer that offers. */
export function senderOf({ key }: RelayOffer): string {
  return peerId(key);
}

/** Reads a message of the types 0x30 to 0x35. Throws a WireError and nothing else. */
export function decode(data: Uint8Array): Introducing {
  try {
    const reader = new Reader(data, 1);
    const message = read(data[0] ?? 0, reader);
    reader.end();
    return message;
  } catch (error) {
    if (!(error instanceof OctetError)) throw error;
    throw new WireError(MALFORMED, error.message);
  }
}

function bounded(value: number, most: number, sentence: string): number {
  if (value > most) throw new WireError(MALFORMED, sentence);
  return value;
}

function rest(reader: Reader, most: number): string {
  if (reader.left > most) {
    throw new WireError(TOO_LARGE, `A text in the message has at most ${most} bytes, not ${reader.left}.`);
  }
  return reader.text(reader.left);
}

function readTold(reader: Reader): Told[] {
  const count = bounded(reader.u8(), MAX_TOLD, `A message tells of at most ${MAX_TOLD} peers.`);
  return reader.list(count, () => {
    const [hops, age, length] = [reader.u8(), reader.u32(), reader.u16()];
    if (hops > MAX_STEPS || age > MAX_AGE || length < 1 || length > MAX_RECORD) {
      throw new WireError(MALFORMED, "What is told of a peer is out of its bounds.");
    }
    return { hops, age, record: reader.bytes(length).slice() };
  });
}

function read(type: number, reader: Reader): Introducing {
  switch (type) {
    case 0x30: {
      const [walk, steps] = [reader.u32(), reader.u8()];
      if (steps < 1 || steps > MAX_STEPS) {
        throw new WireError(MALFORMED, `A walk visits 1 to ${MAX_STEPS} peers, not ${steps}.`);
      }
      return { type: "shuffle", walk, steps, told: readTold(reader) };
    }
    case 0x31:
      return { type: "peers", walk: reader.u32(), told: readTold(reader) };
    case 0x32: {
      const hops = bounded(reader.u8(), MAX_STEPS, `An offer is passed on by at most ${MAX_STEPS} peers.`);
      const [connection, to] = [reader.hex(8), reader.hex(16)];
      return { type: "relayOffer", hops, connection, to, ...readDescription(reader) };
    }
    case 0x33:
      return { type: "relayAnswer", connection: reader.hex(8), ...readDescription(reader) };
    case 0x34: {
      const [connection, mLine, mid] = [reader.hex(8), reader.u16(), reader.lp()];
      return { type: "relayCandidate", connection, mLine, mid, candidate: rest(reader, MAX_CANDIDATE) };
    }
    case 0x35:
      return { type: "relayFailed", connection: reader.hex(8), reason: reader.u8() };
    default:
      throw new WireError(MALFORMED, "The message is of another kind.");
  }
}

function readDescription(reader: Reader) {
  const [key, nonce] = [reader.bytes(32).slice(), reader.bytes(16).slice()];
  return { key, nonce, signature: reader.bytes(64).slice(), sdp: rest(reader, MAX_SDP) };
}

/** The bytes of a message. Throws a RangeError with a sentence when a field is out of its bounds. */
export function encode(message: Introducing): Uint8Array<ArrayBuffer> {
  const data = write(message).finish();
  try {
    decode(data); // held to all that is asked of others
  } catch (error) {
    throw new RangeError((error as WireError).sentence);
  }
  return data;
}

function write(message: Introducing): Writer {
  const writer = new Writer();
  switch (message.type) {
    case "shuffle":
      return writeTold(writer.u8(0x30).u32(message.walk).u8(message.steps), message.told);
    case "peers":
      return writeTold(writer.u8(0x31).u32(message.walk), message.told);
    case "relayOffer":
      writer.u8(0x32).u8(message.hops).hex(message.connection, 8).hex(message.to, 16);
      return writeDescription(writer, message);
    case "relayAnswer":
      return writeDescription(writer.u8(0x33).hex(message.connection, 8), message);
    case "relayCandidate":
      writer.u8(0x34).hex(message.connection, 8).u16(message.mLine).lp(message.mid);
      return writer.text(message.candidate);
    case "relayFailed":
      return writer.u8(0x35).hex(message.connection, 8).u8(message.reason);
  }
}

function writeTold(writer: Writer, told: readonly Told[]): Writer {
  writer.u8(told.length);
  for (const { hops, age, record } of told) writer.u8(hops).u32(age).u16(record.length).bytes(record);
  return writer;
}

function writeDescription(writer: Writer, message: RelayOffer | RelayAnswer): Writer {
  writer.bytes(message.key, 32).bytes(message.nonce, 16).bytes(message.signature, 64);
  return writer.text(message.sdp);
}
