/** How people are told apart: names can be the same, keys cannot. */
interface Author {
  author: string;
  name: string;
}

const HUES = 12;

/** One of 12 colours, from the key that the peer id stands for. */
export function hueOf(peer: string): number {
  const value = Number.parseInt(peer.slice(0, 4), 16);
  return Number.isNaN(value) ? 0 : value % HUES;
}

export function shownName({ author, name }: Author): string {
  const trimmed = name.trim();
  return trimmed === "" ? `Guest ${author.slice(0, 4)}` : trimmed;
}

/** Up to two letters of a name, or the beginning of the id of somebody without one. */
export function initialsOf({ author, name }: Author): string {
  const words = name.trim().split(/\s+/u).filter(Boolean);
  const first = [...(words[0] ?? "")][0];
  if (first === undefined) return author.slice(0, 2).toUpperCase();
  const last = words.length > 1 ? ([...(words.at(-1) ?? "")][0] ?? "") : "";
  return (first + last).toLocaleUpperCase();
}

/** The time of day; with the date when it was not today. */
export function formatTime(time: number, now = Date.now()): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return "";
  const today = new Date(now).toDateString() === date.toDateString();
  return date.toLocaleString(undefined, {
    hour: "2-digit",
    minute: "2-digit",
    ...(!today && { day: "numeric", month: "short" }),
  });
}
