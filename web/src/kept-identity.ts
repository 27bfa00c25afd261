/** The seed that this tab keeps: to be taken elsewhere, or replaced by one from there. */

import { fromBase64url, toBase64url } from "./encoding.ts";

/** As in identity-store.ts, which comes before the picture: with an import from there it would take more of that. */
const PREFIX = "braidcast.identity.";

/** What a tab needs of the browser; tests bring their own. */
export interface Kept {
  local: Pick<Storage, "getItem" | "setItem">;
  session: Pick<Storage, "getItem">;
}

/** The seed (32 bytes) of this tab; null where the browser lets nothing be kept. */
export function keptSeed(kept: Kept | null = browser()): Uint8Array<ArrayBuffer> | null {
  const place = placeOf(kept);
  const text = place === null ? null : (kept?.local.getItem(place) ?? null);
  try {
    return text === null ? null : fromBase64url(text);
  } catch {
    return null;
  }
}

/** This tab has that identity when it is loaded again. Throws one sentence where nothing is kept. */
export function replaceSeed(seed: Uint8Array, kept: Kept | null = browser()): void {
  const place = placeOf(kept);
  if (kept === null || place === null)
    throw new Error("The browser lets this page keep nothing, so it cannot keep an identity either.");
  kept.local.setItem(place, toBase64url(seed));
}

function placeOf(kept: Kept | null): string | null {
  const slot = kept?.session.getItem(`${PREFIX}slot`) ?? null;
  return slot === null ? null : `${PREFIX}${slot}`;
}

function browser(): Kept | null {
  try {
    return { local: localStorage, session: sessionStorage };
  } catch {
    return null; // switched off, or refused to an embedded page
  }
}
