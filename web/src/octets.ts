/** Big-endian fields in bytes, read and written in order (docs/protocol.md). */

import { fromHex, toHex } from "./encoding.ts";

/** Bytes end before their fields do, or a text is not UTF-8; the message is one sentence. */
export class OctetError extends Error {}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

export class Reader {
  private readonly view: DataView;

  constructor(
    private readonly data: Uint8Array,
    public at = 0,
  ) {
    this.view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  }

  get left(): number {
    return this.data.length - this.at;
  }

  private skip(size: number): number {
    const from = this.at;
    if (from + size > this.data.length) {
      throw new OctetError("The message is shorter than its type and counts say.");
    }
    this.at = from + size;
    return from;
  }

  u8(): number {
    return this.view.getUint8(this.skip(1));
  }

  u16(): number {
    return this.view.getUint16(this.skip(2));
  }

  u32(): number {
    return this.view.getUint32(this.skip(4));
  }

  /** Exact up to 2^53 - 1; what is greater comes back greater, but rounded. */
  u64(): number {
    const from = this.skip(8);
    return this.view.getUint32(from) * 2 ** 32 + this.view.getUint32(from + 4);
  }

  /** A view, not a copy. */
  bytes(size: number): Uint8Array {
    const from = this.skip(size);
    return this.data.subarray(from, from + size);
  }

  hex(size: number): string {
    return toHex(this.bytes(size));
  }

  text(size: number): string {
    try {
      return utf8.decode(this.bytes(size));
    } catch (error) {
      if (error instanceof OctetError) throw error;
      throw new OctetError("A text in the message is not UTF-8.");
    }
  }

  /** A text behind its length byte. */
  lp(): string {
    return this.text(this.u8());
  }

  list<T>(count: number, item: () => T): T[] {
    const items: T[] = [];
    for (let i = 0; i < count; i++) items.push(item());
    return items;
  }

  end(): void {
    if (this.left !== 0) throw new OctetError("The message is not as long as its type and counts say.");
  }
}

/** Throws a RangeError with a sentence when a value does not fit its field. */
export class Writer {
  private readonly chunks: Uint8Array[] = [];

  private number(size: 1 | 2 | 4 | 8, value: number): this {
    if (!Number.isSafeInteger(value) || value < 0 || value >= 256 ** size) {
      throw new RangeError(`${value} does not fit ${size} bytes.`);
    }
    const chunk = new Uint8Array(size);
    let rest = value;
    for (let i = size - 1; i >= 0; i--) {
      chunk[i] = rest % 256;
      rest = Math.floor(rest / 256);
    }
    this.chunks.push(chunk);
    return this;
  }

  u8(value: number): this {
    return this.number(1, value);
  }

  u16(value: number): this {
    return this.number(2, value);
  }

  u32(value: number): this {
    return this.number(4, value);
  }

  u64(value: number): this {
    return this.number(8, value);
  }

  /** `size` is what the field has; left out, any number of bytes. */
  bytes(value: Uint8Array, size = value.length): this {
    if (value.length !== size) throw new RangeError(`A field has ${size} bytes, not ${value.length}.`);
    this.chunks.push(value);
    return this;
  }

  hex(value: string, size: number): this {
    return this.bytes(fromHex(value), size);
  }

  text(value: string): this {
    return this.bytes(encoder.encode(value));
  }

  lp(value: string): this {
    const bytes = encoder.encode(value);
    return this.u8(bytes.length).bytes(bytes);
  }

  finish(): Uint8Array<ArrayBuffer> {
    const all = new Uint8Array(this.chunks.reduce((sum, chunk) => sum + chunk.length, 0));
    let at = 0;
    for (const chunk of this.chunks) {
      all.set(chunk, at);
      at += chunk.length;
    }
    return all;
  }
}
