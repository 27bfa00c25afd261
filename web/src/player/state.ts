import type { RoomState, StreamState } from "../room.ts";

/** What a viewer is told; there is always one of them, so the picture is never just blank. */
export type PlayerState =
  | "idle"
  | "connecting"
  | "waiting"
  | "live"
  | "paused"
  | "reconnecting"
  | "ended"
  | "error";

export interface Situation {
  /** A sentence when nothing but the viewer can help. */
  error: string | null;
  /** Not asked to play yet. */
  idle: boolean;
  paused: boolean;
  room: RoomState | null;
  stream: StreamState["state"] | null;
  /** A frame was shown before. */
  played: boolean;
  /** Seconds since the last new frame; infinite before the first. */
  quiet: number;
}

/** A pause of the picture that is worth a word; shorter ones pass before one could read it. */
const WORTH_A_WORD = 1;

export function playerState(now: Situation): PlayerState {
  if (now.idle) return "idle";
  if (now.paused && now.played) return "paused";
  // What is buffered plays on, whatever became of the source or the room.
  if (now.quiet < WORTH_A_WORD) return "live";
  if (now.error !== null) return "error";
  if (now.stream === "ended") return "ended";
  if (now.stream === "offline") return "waiting";
  if (now.stream === null && now.room === "joined") return "waiting";
  if (now.room === "closed") return "error";
  return now.played || now.room === "reconnecting" ? "reconnecting" : "connecting";
}

export interface Words {
  title: string;
  hint: string;
}

export function wordsFor(state: PlayerState, played: boolean, error: string | null): Words | null {
  switch (state) {
    case "connecting":
      return { title: "Connecting…", hint: error ?? "" };
    case "waiting":
      return played
        ? { title: "The publisher is away", hint: "The picture comes back by itself as soon as they do." }
        : {
            title: "Waiting for the publisher",
            hint: "The picture starts by itself as soon as they are live.",
          };
    case "reconnecting":
      return { title: "Reconnecting…", hint: "No picture arrives at the moment; trying other ways." };
    case "ended":
      return { title: "The stream has ended", hint: "Should it start again, it plays here." };
    case "error":
      return {
        title: "This cannot be played",
        hint: error ?? "The room was closed. Reload the page to join again.",
      };
    case "idle":
    case "live":
    case "paused":
      return null;
  }
}
