/** An identity as text that one takes to another device, under a passphrase (docs/protocol.md section 1). */

import { scryptAsync } from "@noble/hashes/scrypt.js";
import { concatBytes, fromBase64url, toBase64url } from "./encoding.ts";

export const PREFIX = "braidcast-identity:";
/** Characters: whoever finds the text can try passphrases for as long as they like. */
export const LEAST_PASSPHRASE = 10;
const VERSION = 1;
const [SALT, NONCE, SEALED] = [16, 12, 32 + 16];
/** 32 MiB, and about half a second: one of the settings that OWASP's Password Storage Cheat Sheet gives for scrypt. */
const COST = { N: 2 ** 15, r: 8, p: 3, dkLen: 32 };

/** The text; only tests give `salt` (16 bytes) and `nonce` (12). Rejects with one sentence. */
export async function exportIdentity(
  seed: Uint8Array<ArrayBuffer>,
  passphrase: string,
  salt = crypto.getRandomValues(new Uint8Array(SALT)),
  nonce = crypto.getRandomValues(new Uint8Array(NONCE)),
): Promise<string> {
  if ([...passphrase].length < LEAST_PASSPHRASE)
    throw new Error(`The passphrase is too short: give at least ${LEAST_PASSPHRASE} characters.`);
  const key = await keyOf(passphrase, salt);
  const sealed = await crypto.subtle.encrypt(cipher(nonce), key, seed);
  return PREFIX + toBase64url(concatBytes(Uint8Array.of(VERSION), salt, nonce, new Uint8Array(sealed)));
}

/** The seed (32 bytes) in that text, whatever spaces and line breaks are in it. Rejects with one sentence. */
export async function importIdentity(text: string, passphrase: string): Promise<Uint8Array<ArrayBuffer>> {
  const plain = text.replaceAll(/\s/gu, "");
  const data = plain.startsWith(PREFIX) ? bytesOf(plain.slice(PREFIX.length)) : null;
  if (data?.length !== 1 + SALT + NONCE + SEALED)
    throw new Error(`This is no exported identity: one begins with ${PREFIX} and has 122 characters.`);
  if (data[0] !== VERSION) throw new Error("This identity was exported by a newer version: update this one.");
  const [salt, nonce, sealed] = [data.slice(1, 17), data.slice(17, 29), data.slice(29)];
  const key = await keyOf(passphrase, salt);
  try {
    return new Uint8Array(await crypto.subtle.decrypt(cipher(nonce), key, sealed));
  } catch {
    throw new Error("The passphrase is not the one of this identity, or the text is damaged.");
  }
}

function cipher(iv: Uint8Array<ArrayBuffer>): AesGcmParams {
  const additionalData = concatBytes(
    new TextEncoder().encode("braidcast identity\0"),
    Uint8Array.of(VERSION),
  );
  return { name: "AES-GCM", iv, additionalData };
}

async function keyOf(passphrase: string, salt: Uint8Array): Promise<CryptoKey> {
  if (crypto.subtle === undefined)
    throw new Error("The browser encrypts only on pages that came by HTTPS: open the room by https://.");
  // The same characters, however a keyboard composes them.
  const secret = new TextEncoder().encode(passphrase.normalize("NFKC"));
  const key = Uint8Array.from(await scryptAsync(secret, salt, COST));
  return crypto.subtle.importKey("raw", key, "AES-GCM", false, ["encrypt", "decrypt"]);
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> | null {
  try {
    return fromBase64url(text);
  } catch {
    return null;
  }
}
