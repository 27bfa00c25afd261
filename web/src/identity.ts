/** A peer's Ed25519 key, and what it signed (docs/protocol.md section 1). */

import { ed25519 } from "./ed25519.ts";
import { concatBytes } from "./encoding.ts";
import { SEAL, SIGNED } from "./seal.ts";
import { peerId, type Signer, TAG_SEAL } from "./signing.ts";

export { fingerprint, pinnedSdp } from "./fingerprint.ts";
export * from "./signing.ts";

export interface Identity extends Signer {
  /** Peer id, 32 hex digits. */
  readonly id: string;
}

/** The identity of a 32-byte seed (RFC 8032 section 5.1.5). */
export async function fromSeed(seed: Uint8Array): Promise<Identity> {
  if (seed.length !== 32) throw new RangeError(`A seed has 32 bytes, not ${seed.length}.`);
  const pair = await (await ed25519()).pair(seed);
  return { key: pair.key, id: peerId(pair.key), sign: (tag, data) => pair.sign(concatBytes(tag, data)) };
}

/** A new identity, forgotten with the page; `loadOrCreate` of `identity-store.ts` keeps one. */
export function generate(): Promise<Identity> {
  return fromSeed(crypto.getRandomValues(new Uint8Array(32)));
}

/** Whether `signature` over `tag` and `data` is by `key`. Never rejects, whatever the bytes are. */
export async function verify(
  key: Uint8Array,
  tag: Uint8Array,
  data: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  return (await ed25519()).verify(key, concatBytes(tag, data), signature);
}

/** Whether the 148 bytes of `raw` carry a signature by the publisher `key`. */
export async function verifySeal(key: Uint8Array, raw: Uint8Array): Promise<boolean> {
  return raw.length === SEAL && (await verify(key, TAG_SEAL, raw.subarray(0, SIGNED), raw.subarray(SIGNED)));
}
