/**
 * The messages on a link, in their binary form (docs/protocol.md section 6).
 *
 * `decode` takes whatever a peer sent: it returns a message whose every bound holds, null for a type that is not known,
 * or throws a WireError. It looks into no seal: `Seal.parse` is called once for all blocks of a part.
 */

import { MAX_LEAVES, MAX_PROOF } from "./merkle.ts";
import { OctetError, Reader, Writer } from "./octets.ts";
import { MAX_BLOCK, MAX_STRIPES, MAX_TIME, SEAL } from "./seal.ts";
import type { Message, StripeStatus } from "./wire-messages.ts";

export * from "./wire-messages.ts";

export const PROTOCOL_VERSION = 1;
export const MAX_MESSAGE = 65536;
export const MAX_DESCRIPTION = 32 + 64 + 32768;
const MAX_PROBE = 1200;

/** Codes of an ErrorMessage. */
export const MALFORMED = 1;
export const VERSION = 2;
export const TOO_LARGE = 3;
export const RATE = 4;
export const UNEXPECTED = 5;

/** Reasons of a Bye. */
export const LEAVING = 0;
export const NOT_NEEDED = 1;
export const BAD_BLOCK = 2;
export const PROTOCOL_ERROR = 3;
export const TOO_MANY_LINKS = 4;

/** Reasons of a Refuse. */
export const REFUSE_FULL = 1;
export const REFUSE_LOOP = 2;
export const REFUSE_SLOW = 3;
export const REFUSE_NOT_CARRIED = 4;
export const REFUSE_STARVED = 5;
export const REFUSE_LEAVING = 6;

const CARRIES = 1;
const LEAVES = 2;
const FED = 1;
const STARVED = 2;
const FEEDS = 4;

/** A message breaks the protocol: `code` is for the ERROR to answer with, `sentence` for a person. */
export class WireError extends Error {
  constructor(
    readonly code: number,
    readonly sentence: string,
  ) {
    super(sentence);
  }
}

/** The type byte of a message; -1 when it is empty. */
export function peekType(data: Uint8Array): number {
  return data[0] ?? -1;
}

/** Reads one message; null when its type is not known. Throws a WireError and nothing else. */
export function decode(data: Uint8Array): Message | null {
  if (data.length > MAX_MESSAGE) {
    throw new WireError(TOO_LARGE, `A message has at most ${MAX_MESSAGE} bytes, not ${data.length}.`);
  }
  if (data.length === 0) throw new WireError(MALFORMED, "The message is empty.");
  try {
    const reader = new Reader(data, 1);
    const message = read(peekType(data), reader);
    if (message !== null) reader.end();
    return message;
  } catch (error) {
    if (error instanceof OctetError) throw new WireError(MALFORMED, error.message);
    throw error;
  }
}

function time(reader: Reader): number {
  const value = reader.u64();
  if (value > MAX_TIME) throw new WireError(MALFORMED, "A time in the message is beyond the year 2255.");
  return value;
}

function stripeNumber(reader: Reader): number {
  const value = reader.u8();
  if (value >= MAX_STRIPES) {
    throw new WireError(MALFORMED, `Stripes are numbered 0 to ${MAX_STRIPES - 1}, not ${value}.`);
  }
  return value;
}

function blockIndex(reader: Reader): number {
  const value = reader.u16();
  if (value >= MAX_LEAVES) {
    throw new WireError(MALFORMED, `Blocks are numbered 0 to ${MAX_LEAVES - 1}, not ${value}.`);
  }
  return value;
}

function read(type: number, reader: Reader): Message | null {
  switch (type) {
    case 0x01:
      return readHello(reader);
    case 0x02:
      return { type: "ping", publisher: reader.hex(16), t0: time(reader) };
    case 0x03:
      return {
        type: "pong",
        publisher: reader.hex(16),
        t0: time(reader),
        t1: time(reader),
        t2: time(reader),
        error: reader.u32(),
      };
    case 0x04:
      return { type: "error", code: reader.u16(), sentence: reader.text(reader.left) };
    case 0x05:
      return { type: "bye", reason: reader.u8() };
    case 0x10:
      return readBlock(reader);
    case 0x11:
      return {
        type: "subscribe",
        braid: reader.hex(8),
        stripe: stripeNumber(reader),
        epoch: reader.u32(),
        number: reader.u32(),
      };
    case 0x12:
      return { type: "unsubscribe", braid: reader.hex(8), stripe: stripeNumber(reader) };
    case 0x13:
      return { type: "refuse", braid: reader.hex(8), stripe: stripeNumber(reader), reason: reader.u8() };
    case 0x14:
      return readStatus(reader);
    case 0x15: {
      const [braid, epoch, number] = [reader.hex(8), reader.u32(), reader.u32()];
      const blocks = reader.list(reader.u8(), () => blockIndex(reader));
      return { type: "want", braid, epoch, number, blocks };
    }
    case 0x16:
      return readStream(reader);
    case 0x17:
      return readProbe(reader);
    case 0x18:
      return { type: "probed", braid: reader.hex(8), train: reader.u8(), spread: reader.u32() };
    default:
      return null;
  }
}

function readHello(reader: Reader): Message {
  const version = reader.u8();
  if (version !== PROTOCOL_VERSION) {
    throw new WireError(VERSION, `The peer speaks version ${version}, this program ${PROTOCOL_VERSION}.`);
  }
  const capabilities = reader.list(reader.u8(), () => reader.lp());
  return { type: "hello", version, capabilities, agent: reader.lp() };
}

function readBlock(reader: Reader): Message {
  const seal = reader.bytes(SEAL);
  const index = blockIndex(reader);
  const length = reader.u8();
  if (length > MAX_PROOF) {
    throw new WireError(MALFORMED, `A proof has at most ${MAX_PROOF} nodes, not ${length}.`);
  }
  const proof = reader.list(length, () => reader.bytes(16));
  if (reader.left > MAX_BLOCK) {
    throw new WireError(TOO_LARGE, `A block has at most ${MAX_BLOCK} bytes, not ${reader.left}.`);
  }
  return { type: "block", seal, index, proof, data: reader.bytes(reader.left) };
}

function readStatus(reader: Reader): Message {
  const [braid, epoch, newest] = [reader.hex(8), reader.u32(), reader.u32()];
  const [flags, free, count] = [reader.u8(), reader.u8(), reader.u8()];
  if (count < 1 || count > MAX_STRIPES) {
    throw new WireError(MALFORMED, `A braid has 1 to ${MAX_STRIPES} stripes, not ${count}.`);
  }
  const stripes = reader.list<StripeStatus>(count, () => {
    const stripe = reader.u8();
    const path = reader.list(reader.u8(), () => reader.hex(4));
    return {
      fed: (stripe & FED) !== 0,
      starved: (stripe & STARVED) !== 0,
      path,
      feeds: (stripe & FEEDS) !== 0,
    };
  });
  const [carries, leaving] = [(flags & CARRIES) !== 0, (flags & LEAVES) !== 0];
  return { type: "status", braid, epoch, newest, carries, leaving, free, stripes };
}

function readStream(reader: Reader): Message {
  if (reader.left > MAX_DESCRIPTION) {
    throw new WireError(TOO_LARGE, "A stream description has at most 32 KiB.");
  }
  if (reader.left <= 32 + 64) {
    throw new WireError(MALFORMED, "The stream description is shorter than its signature.");
  }
  return { type: "stream", description: reader.bytes(reader.left) };
}

function readProbe(reader: Reader): Message {
  const [braid, train, count] = [reader.hex(8), reader.u8(), reader.u8()];
  reader.bytes(reader.left);
  if (count === 0 || reader.at > MAX_PROBE) {
    throw new WireError(MALFORMED, `A train has messages, and each at most ${MAX_PROBE} bytes.`);
  }
  return { type: "probe", braid, train, count, size: reader.at };
}

/** The bytes of a message. Throws a RangeError with a sentence when a field is out of its bounds. */
export function encode(message: Message): Uint8Array<ArrayBuffer> {
  const data = write(message).finish();
  try {
    decode(data); // no copies: held to all that is asked of others
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    if (error.code !== VERSION) throw new RangeError(error.sentence);
  }
  return data;
}

function write(message: Message): Writer {
  const writer = new Writer();
  switch (message.type) {
    case "hello":
      writer.u8(0x01).u8(message.version).u8(message.capabilities.length);
      for (const capability of message.capabilities) writer.lp(capability);
      return writer.lp(message.agent);
    case "ping":
      return writer.u8(0x02).hex(message.publisher, 16).u64(message.t0);
    case "pong":
      writer.u8(0x03).hex(message.publisher, 16);
      return writer.u64(message.t0).u64(message.t1).u64(message.t2).u32(message.error);
    case "error":
      return writer.u8(0x04).u16(message.code).text(message.sentence);
    case "bye":
      return writer.u8(0x05).u8(message.reason);
    case "block":
      writer.u8(0x10).bytes(message.seal, SEAL).u16(message.index).u8(message.proof.length);
      for (const node of message.proof) writer.bytes(node, 16);
      return writer.bytes(message.data);
    case "subscribe":
      writer.u8(0x11).hex(message.braid, 8).u8(message.stripe);
      return writer.u32(message.epoch).u32(message.number);
    case "unsubscribe":
      return writer.u8(0x12).hex(message.braid, 8).u8(message.stripe);
    case "refuse":
      return writer.u8(0x13).hex(message.braid, 8).u8(message.stripe).u8(message.reason);
    case "status":
      writer.u8(0x14).hex(message.braid, 8).u32(message.epoch).u32(message.newest);
      writer.u8((message.carries ? CARRIES : 0) | (message.leaving ? LEAVES : 0)).u8(message.free);
      writer.u8(message.stripes.length);
      for (const stripe of message.stripes) {
        writer
          .u8((stripe.fed ? FED : 0) | (stripe.starved ? STARVED : 0) | (stripe.feeds ? FEEDS : 0))
          .u8(stripe.path.length);
        for (const peer of stripe.path) writer.hex(peer, 4);
      }
      return writer;
    case "want":
      writer.u8(0x15).hex(message.braid, 8).u32(message.epoch).u32(message.number).u8(message.blocks.length);
      for (const index of message.blocks) writer.u16(index);
      return writer;
    case "probe":
      writer.u8(0x17).hex(message.braid, 8).u8(message.train).u8(message.count);
      return writer.bytes(new Uint8Array(message.size - 11));
    case "probed":
      return writer.u8(0x18).hex(message.braid, 8).u8(message.train).u32(message.spread);
    case "stream":
      return writer.u8(0x16).bytes(message.description);
  }
}
