/**
 * Keeps a browser's identity across reloads, one for each open tab.
 *
 * Seeds lie in localStorage as base64url, `braidcast.identity.0`, `.1` and so on: that works by plain HTTP too, where
 * neither WebCrypto nor its unreadable keys exist. Whoever runs scripts on the page's origin can read them, and could
 * sign as this peer anyway. Two tabs with one key would be one peer twice, so each takes the first seed that no other
 * open tab holds: by a Web Lock, or, where those are missing (plain HTTP), by asking the other tabs.
 */

import { fromBase64url, toBase64url } from "./encoding.ts";
import { fromSeed, generate, type Identity } from "./identity.ts";

const PREFIX = "braidcast.identity.";
/** More tabs than this get identities that are not kept. */
const SLOTS = 32;
/** How long a reloaded tab waits for the page before it to let go of their seed, in ms. */
const RELOAD_WAIT = 1000;
/** How long other tabs have to say that a seed is theirs, in ms. */
const ASK_WAIT = 100;

/** Takes `slot` until the tab is closed; false when another tab holds it. */
type Claim = (slot: number, wait: number) => Promise<boolean>;

/** What the store needs of a page; tests bring their own. */
export interface Surroundings {
  /** Kept for the origin. */
  local: Pick<Storage, "getItem" | "setItem">;
  /** Kept for the tab, through reloads. */
  session: Pick<Storage, "getItem" | "setItem">;
  locks?: Pick<LockManager, "request">;
  channel?: () => Pick<BroadcastChannel, "postMessage" | "onmessage">;
}

function browser(): Surroundings {
  const { locks } = navigator as { locks?: LockManager };
  return {
    local: localStorage,
    session: sessionStorage,
    ...(locks === undefined ? {} : { locks }),
    ...(typeof BroadcastChannel === "undefined"
      ? {}
      : { channel: () => new BroadcastChannel("braidcast.identity") }),
  };
}

function byLock(locks: Pick<LockManager, "request">): Claim {
  return (slot, wait) =>
    new Promise((resolve) => {
      const hold = (lock: Lock | null) => {
        resolve(lock !== null);
        // Held for as long as the promise is pending: until the tab is closed.
        return lock === null ? undefined : new Promise<never>(() => {});
      };
      const options = wait > 0 ? { signal: AbortSignal.timeout(wait) } : { ifAvailable: true };
      locks.request(`${PREFIX}${slot}`, options, hold).catch(() => resolve(false));
    });
}

/** Tabs that ask at the same moment are told apart by a random number: the greater one gets the slot. */
function byAsking(channel: Pick<BroadcastChannel, "postMessage" | "onmessage">): Claim {
  let mine = -1;
  let asking = -1;
  let refused = false;
  const token = Math.random();
  channel.onmessage = ({ data }: MessageEvent<unknown>) => {
    const { slot, ask, to } = (data ?? {}) as { slot?: unknown; ask?: unknown; to?: unknown };
    if (typeof ask === "number" && ask !== token) {
      if (slot === mine || (slot === asking && token > ask)) channel.postMessage({ slot, to: ask });
      // Whoever opened a moment later did not hear our own question, and so will not refuse us.
      else if (slot === asking) refused = true;
    } else if (to === token && slot === asking) {
      refused = true;
    }
  };
  return async (slot) => {
    asking = slot;
    refused = false;
    channel.postMessage({ slot, ask: token });
    await new Promise((resolve) => setTimeout(resolve, ASK_WAIT));
    asking = -1;
    if (!refused) mine = slot;
    return !refused;
  };
}

function seedIn(local: Surroundings["local"], slot: number): Uint8Array {
  const kept = local.getItem(`${PREFIX}${slot}`);
  if (kept !== null) {
    try {
      const seed = fromBase64url(kept);
      if (seed.length === 32) return seed;
    } catch {
      // Not ours, or damaged: a new one takes its place.
    }
  }
  const seed = crypto.getRandomValues(new Uint8Array(32));
  local.setItem(`${PREFIX}${slot}`, toBase64url(seed));
  return seed;
}

async function load({ local, session, locks, channel }: Surroundings): Promise<Identity> {
  const claim = locks !== undefined ? byLock(locks) : channel !== undefined ? byAsking(channel()) : null;
  if (claim === null) return generate();
  const before = session.getItem(`${PREFIX}slot`);
  const slots = Array.from({ length: SLOTS }, (_, slot) => slot);
  const preferred = slots.find((slot) => String(slot) === before);
  if (preferred !== undefined) slots.unshift(...slots.splice(preferred, 1));
  for (const slot of slots) {
    if (!(await claim(slot, slot === preferred ? RELOAD_WAIT : 0))) continue;
    session.setItem(`${PREFIX}slot`, String(slot));
    return fromSeed(seedIn(local, slot));
  }
  return generate();
}

/** For tests; pages use `loadOrCreate`. */
export { load as loadFrom };

let mine: Promise<Identity> | undefined;

/** The identity of this tab, the same after a reload; a passing one where the browser lets nothing be kept. */
export function loadOrCreate(): Promise<Identity> {
  mine ??= (async () => {
    try {
      return await load(browser());
    } catch {
      return generate(); // storage is switched off, full, or refused to an embedded page
    }
  })();
  return mine;
}
