/** The golden vectors of tests/vectors: Python wrote them, both languages replay them. */

import { readFileSync } from "node:fs";
import { fromHex } from "../src/encoding.ts";

const FOLDER = new URL("../../tests/vectors/", import.meta.url);

/** A vector is trusted to have the form that its test reads: a wrong one fails there. */
// biome-ignore lint/suspicious/noExplicitAny: JSON whose form each test knows
export type Vector = any;

export function vectors(name: string): Vector {
  return JSON.parse(readFileSync(new URL(name, FOLDER), "utf8"));
}

export function vectorFile(name: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(new URL(name, FOLDER)));
}

/** Byte i is (31 i + i // 251 + salt) mod 256, as in tests/vectors/samples.py. */
export function pattern(size: number, salt = 0): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: size }, (_, i) => (31 * i + Math.floor(i / 251) + salt) % 256);
}

const BYTES = new Set([
  "seal",
  "proof",
  "data",
  "description",
  "header",
  "signature",
  "body",
  "root",
  "previous",
  "bodyHash",
]);

/** Fields as this side names and types them: camelCase, bytes that are no ids as Uint8Array. */
export function native(value: Vector, name = ""): Vector {
  if (typeof value === "string" && BYTES.has(name)) return fromHex(value);
  if (Array.isArray(value)) return value.map((item) => native(item, name));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([field, item]) => {
      const camel = field.replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase());
      return [camel, native(item, camel)];
    }),
  );
}
