import { sha256 } from "@noble/hashes/sha2.js";
import { fromHex, toHex } from "../encoding.ts";

/** The peer id (32 hex digits) of an author's key (64). */
export function peerIdOf(key: string): string {
  return toHex(sha256(fromHex(key)).subarray(0, 16));
}
