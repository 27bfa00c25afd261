/** Ed25519 without WebCrypto: a page by plain HTTP from another machine has none. */

import { getPublicKey, hashes, sign, verify } from "@noble/ed25519";
import { sha512 } from "@noble/hashes/sha2.js";
import type { Ed25519 } from "./ed25519.ts";

hashes.sha512 = sha512;

export const pure: Ed25519 = {
  async pair(seed) {
    const secret = new Uint8Array(seed);
    return { key: getPublicKey(secret), sign: async (message) => sign(message, secret) };
  },
  async verify(key, message, signature) {
    try {
      // RFC 8032, not ZIP 215: what WebCrypto and OpenSSL refuse is refused here too.
      return verify(signature, message, key, { zip215: false });
    } catch {
      return false;
    }
  },
};
