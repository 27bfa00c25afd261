import type { P2pMode } from "./room.ts";

/** What a viewer chose, kept by the browser where it allows that (private windows and embedded frames may not). */
export function read(key: string): string | null {
  try {
    return localStorage.getItem(`braidcast.${key}`);
  } catch {
    return null;
  }
}

export function write(key: string, value: string): void {
  try {
    localStorage.setItem(`braidcast.${key}`, value);
  } catch {
    // It then holds until the page is closed.
  }
}

const MODES: readonly P2pMode[] = ["on", "leaf", "off"];

/** The less sharing of two modes: neither a page nor a viewer is overruled. */
export function lesser(a: P2pMode, b: P2pMode): P2pMode {
  return MODES[Math.max(MODES.indexOf(a), MODES.indexOf(b))] ?? "off";
}

export function sharing(server: string, room: string): P2pMode | null {
  const stored = read(`p2p ${server} ${room}`);
  return MODES.find((mode) => mode === stored) ?? null;
}

export function setSharing(server: string, room: string, mode: P2pMode): void {
  write(`p2p ${server} ${room}`, mode);
}

export function noticeSeen(server: string, room: string): boolean {
  return read(`notice ${server} ${room}`) === "seen";
}

export function setNoticeSeen(server: string, room: string): void {
  write(`notice ${server} ${room}`, "seen");
}

export function volume(): number | null {
  const stored = Number.parseFloat(read("volume") ?? "");
  return stored >= 0 && stored <= 1 ? stored : null;
}

export function setVolume(value: number): void {
  write("volume", value.toFixed(2));
}

export function nickname(): string {
  return read("name")?.slice(0, 64) ?? "";
}

export function setNickname(name: string): void {
  write("name", name);
}
