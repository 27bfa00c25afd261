import type { P2pMode, WatchStats } from "../room.ts";
import type { PlayerState } from "./state.ts";

/** What `<braidcast-player>.stats` holds. Bytes, counts and seconds; the first sixteen are fixed, the rest may grow. */
export interface PlayerStats {
  /** From viewers and relays. */
  bytesFromPeers: number;
  /** Of those, from relays. */
  bytesFromRelays: number;
  /** By HTTP from any origin, and from the publisher itself over links. */
  bytesFromOrigin: number;
  bytesToPeers: number;
  /** Publisher's clock less capture time of the displayed frame; null while the clock is unknown. */
  liveLatency: number | null;
  stallTime: number;
  /** Programme that jumps left out. */
  skippedTime: number;
  /** From the element's connection to the first displayed frame; null before that. */
  startupTime: number | null;
  stalls: number;
  peers: number;
  blocksRejected: number;
  rendition: string | null;
  /** Peer id by stripe. */
  parents: (string | null)[];
  /** Peer ids by stripe. */
  children: string[][];
  duplicates: number;
  /** Parts of which the publisher has signed two versions. */
  equivocations: number;
  state: PlayerState;
  p2p: P2pMode;
  /** What plays: parts straight into MSE, hls.js, or the browser's own HLS. */
  source: "parts" | "hls.js" | "native" | null;
  /** Forward buffer. */
  buffer: number;
  playbackRate: number;
  /** Error of the publisher's clock as known here; null while it is unknown. */
  clockError: number | null;
}

export const NO_WATCH: Readonly<WatchStats> = Object.freeze({
  bytesFromPeers: 0,
  bytesFromRelays: 0,
  bytesFromOrigin: 0,
  bytesToPeers: 0,
  blocksRejected: 0,
  peers: 0,
  parents: [],
  children: [],
  rendition: null,
  duplicates: 0,
  equivocations: 0,
});

const COUNTED = [
  "bytesFromPeers",
  "bytesFromRelays",
  "bytesFromOrigin",
  "bytesToPeers",
  "blocksRejected",
  "duplicates",
  "equivocations",
] as const;

/** Counts go on from those of watches that ended; what describes the present is that of the last. */
export function addWatches(before: Readonly<WatchStats>, present: Readonly<WatchStats>): WatchStats {
  const sum: WatchStats = {
    ...present,
    parents: [...present.parents],
    children: present.children.map((peers) => [...peers]),
  };
  for (const count of COUNTED) sum[count] += before[count];
  return sum;
}

/** Shares of what was received, in percent that sum to 100 (or all 0 before anything came). */
export function shares(stats: Pick<PlayerStats, "bytesFromPeers" | "bytesFromRelays" | "bytesFromOrigin">): {
  viewers: number;
  relays: number;
  origin: number;
} {
  const all = stats.bytesFromPeers + stats.bytesFromOrigin;
  if (all === 0) return { viewers: 0, relays: 0, origin: 0 };
  const origin = Math.round((100 * stats.bytesFromOrigin) / all);
  const relays = Math.min(100 - origin, Math.round((100 * stats.bytesFromRelays) / all));
  return { viewers: 100 - origin - relays, relays, origin };
}

/** Bytes for people: `0 B`, `831 kB`, `12.4 MB`. */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit < 2 || value >= 99.95 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** Seconds for people: `0.32 s`, `12.4 s`, `3 min 5 s`; a dash for what is not known. */
export function formatSeconds(seconds: number | null): string {
  if (seconds === null) return "–";
  if (seconds < 9.995) return `${seconds.toFixed(2)} s`;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
}
