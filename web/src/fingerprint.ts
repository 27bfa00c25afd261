/** The DTLS fingerprint that the signature of an offer or answer binds (docs/protocol.md section 5). */

import { fromHex } from "./encoding.ts";

const FINGERPRINT = /^a=fingerprint:([^ ]+) +([0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2})*) *$/;

function lines(sdp: string): string[] {
  // Stacks disagree on what else ends a line; a line that only one side sees could hide a fingerprint.
  const split = sdp.split(/\r?\n/);
  if (!split.every((line) => /^[\t\x20-\x7e]*$/.test(line))) {
    throw new RangeError("The SDP holds characters that do not belong there.");
  }
  return split;
}

function isFingerprint(line: string): boolean {
  return line.trim().toLowerCase().startsWith("a=fingerprint");
}

/**
 * The SHA-256 fingerprint (32 bytes) of a session description (RFC 8122 section 5).
 *
 * Throws a RangeError with a sentence when there is none, when two differ or when one cannot be read.
 */
export function fingerprint(sdp: string): Uint8Array {
  const found = new Set<string>();
  for (const line of lines(sdp)) {
    if (!isFingerprint(line)) continue;
    const [, algorithm, value] = FINGERPRINT.exec(line) ?? [];
    if (algorithm === undefined || value === undefined) {
      throw new RangeError("The SDP has a fingerprint that cannot be read.");
    }
    if (algorithm.toLowerCase() === "sha-256") found.add(value.replaceAll(":", "").toLowerCase());
  }
  const [first, second] = found;
  if (first === undefined) throw new RangeError("The SDP has no SHA-256 fingerprint.");
  if (second !== undefined) throw new RangeError("The SDP has SHA-256 fingerprints that differ.");
  if (first.length !== 64) throw new RangeError("The SHA-256 fingerprint of the SDP is not 32 bytes long.");
  return fromHex(first);
}

/**
 * `sdp` with its SHA-256 fingerprints only: give this, not what came, to the RTCPeerConnection.
 *
 * The signature covers no other fingerprint, but stacks believe those of other hash functions too, and libwebrtc
 * keeps only the last line of all: an introducer could put its own there. Throws as `fingerprint` does.
 */
export function pinnedSdp(sdp: string): string {
  fingerprint(sdp);
  return lines(sdp)
    .filter((line) => !isFingerprint(line) || line.toLowerCase().startsWith("a=fingerprint:sha-256 "))
    .join("\r\n");
}
