/** Ed25519 (RFC 8032): WebCrypto where it is there, a pure implementation on plain-HTTP addresses and old browsers. */

export interface KeyPair {
  /** Raw public key, 32 bytes. */
  readonly key: Uint8Array;
  sign(message: Uint8Array<ArrayBuffer>): Promise<Uint8Array>;
}

export interface Ed25519 {
  /** The pair of a 32-byte seed. */
  pair(seed: Uint8Array): Promise<KeyPair>;
  /** Never rejects, whatever the bytes are. */
  verify(key: Uint8Array, message: Uint8Array<ArrayBuffer>, signature: Uint8Array): Promise<boolean>;
}

const NAME = { name: "Ed25519" };
/** PKCS #8 around a seed (RFC 8410 section 7). */
const PKCS8 = Uint8Array.of(48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 112, 4, 34, 4, 32);
const KEYS = 256;

/** By WebCrypto. Public keys are kept imported, the latest 256 of them. */
export function native(subtle: SubtleCrypto): Ed25519 {
  const imported = new Map<string, CryptoKey>();

  async function publicKey(key: Uint8Array): Promise<CryptoKey> {
    const name = String.fromCharCode(...key);
    const known = imported.get(name);
    if (known !== undefined) return known;
    const fresh = await subtle.importKey("raw", new Uint8Array(key), NAME, false, ["verify"]);
    if (imported.size >= KEYS) imported.delete(imported.keys().next().value as string);
    imported.set(name, fresh);
    return fresh;
  }

  return {
    async pair(seed) {
      const pkcs8 = new Uint8Array(PKCS8.length + 32);
      pkcs8.set(PKCS8);
      pkcs8.set(seed, PKCS8.length);
      // Extractable only to learn the public half, which WebCrypto gives in no other way.
      const open = await subtle.importKey("pkcs8", pkcs8, NAME, true, ["sign"]);
      const { x } = await subtle.exportKey("jwk", open);
      if (x === undefined) throw new Error("The browser did not export its Ed25519 key.");
      const closed = await subtle.importKey("pkcs8", pkcs8, NAME, false, ["sign"]);
      const key = Uint8Array.from(atob(x.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
      return { key, sign: async (message) => new Uint8Array(await subtle.sign(NAME, closed, message)) };
    },
    async verify(key, message, signature) {
      if (key.length !== 32 || signature.length !== 64) return false;
      try {
        return await subtle.verify(NAME, await publicKey(key), new Uint8Array(signature), message);
      } catch {
        return false; // some engines refuse a key that is no point on the curve when it is imported
      }
    },
  };
}

// RFC 8032 section 7.1, test 1: the signature over no bytes at all.
const TEST_SEED = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";

/** Whether `subtle` signs and verifies Ed25519: it is newer than WebCrypto itself. */
export async function supports(subtle: SubtleCrypto | undefined): Promise<boolean> {
  if (subtle === undefined) return false;
  try {
    const ed25519 = native(subtle);
    const seed = Uint8Array.from(TEST_SEED.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
    const pair = await ed25519.pair(seed);
    return await ed25519.verify(pair.key, new Uint8Array(), await pair.sign(new Uint8Array()));
  } catch {
    return false;
  }
}

let chosen: Promise<Ed25519> | undefined;

/** The implementation for this page, found out once; the pure one is loaded only where it is needed. */
export function ed25519(): Promise<Ed25519> {
  chosen ??= (async () => {
    const subtle = globalThis.crypto?.subtle as SubtleCrypto | undefined;
    if (subtle !== undefined && (await supports(subtle))) return native(subtle);
    return (await import("./ed25519-pure.ts")).pure;
  })();
  return chosen;
}
