/** Who is meant by name in a text (docs/protocol.md section 8). */

const MAX_NAME = 64;
const MENTION = /@\[([^[\]\r\n]{1,64})\]\(([0-9a-f]{32})\)/gu;
const NOT_IN_A_NAME = /[[\]\r\n]/gu;

/** The peer with the id `peer` (32 hex digits) is meant, who was called `name` when that was written. */
export interface Mention {
  readonly name: string;
  readonly peer: string;
}

/** Names by peer id. */
export type People = ReadonlyMap<string, string>;

/** The text as it is to be shown, in order: words, and who is meant. */
export function pieces(text: string): (string | Mention)[] {
  const found: (string | Mention)[] = [];
  let at = 0;
  for (const match of text.matchAll(MENTION)) {
    if (match.index > at) found.push(text.slice(at, match.index));
    found.push({ name: match[1] ?? "", peer: match[2] ?? "" });
    at = match.index + match[0].length;
  }
  if (at < text.length) found.push(text.slice(at));
  return found;
}

/** The peer ids of those who are meant, each once, in order. */
export function mentioned(text: string): string[] {
  return [...new Set(pieces(text).flatMap((piece) => (typeof piece === "string" ? [] : [piece.peer])))];
}

/** The text as a person reads and writes it, with `@name`. */
export function readable(text: string, named: (mention: Mention) => string): string {
  return pieces(text)
    .map((piece) => (typeof piece === "string" ? piece : `@${named(piece)}`))
    .join("");
}

/** How a text says that this peer is meant. */
export function mention(name: string, peer: string): string {
  const plain = [...name.replaceAll(NOT_IN_A_NAME, "").trim()].slice(0, MAX_NAME).join("");
  return `@[${plain === "" ? peer.slice(0, 8) : plain}](${peer})`;
}

/** What each of these peers is called behind an @: with the short id where two share a name. */
export function handles(people: People): Map<string, string> {
  const users = new Map<string, number>();
  for (const name of people.values()) {
    const folded = name.trim().toLowerCase();
    users.set(folded, (users.get(folded) ?? 0) + 1);
  }
  return new Map(
    [...people].map(([peer, name]) => {
      const plain = name.trim();
      const short = peer.slice(0, 8);
      if (plain === "") return [peer, short];
      return [peer, (users.get(plain.toLowerCase()) ?? 0) > 1 ? `${plain} (${short})` : plain];
    }),
  );
}

type Known = readonly (readonly [peer: string, handle: string])[];

/** The text with each `@name` of one of these peers as a mention; the longest name counts. */
export function written(text: string, people: People): string {
  const known = [...handles(people)].sort(
    ([a, one], [b, other]) => [...other].length - [...one].length || (a < b ? -1 : 1),
  );
  return pieces(text)
    .map((piece) =>
      typeof piece === "string" ? writtenIn(piece, known, people) : mention(piece.name, piece.peer),
    )
    .join("");
}

function writtenIn(text: string, known: Known, people: People): string {
  const said: string[] = [];
  let at = 0;
  for (let sign = text.indexOf("@"); sign >= 0; sign = text.indexOf("@", at)) {
    said.push(text.slice(at, sign));
    at = sign + 1;
    const [peer, handle] = isApart(before(text, sign)) ? (called(text, at, known) ?? ["", ""]) : ["", ""];
    said.push(peer === "" ? "@" : mention(people.get(peer) ?? "", peer));
    at += handle.length;
  }
  return [...said, text.slice(at)].join("");
}

/** Whose name begins at that place. */
function called(text: string, at: number, known: Known): Known[number] | undefined {
  return known.find(([, handle]) => {
    const end = at + handle.length;
    return text.slice(at, end).toLowerCase() === handle.toLowerCase() && isApart(text.slice(end, end + 2));
  });
}

function before(text: string, at: number): string {
  return [...text.slice(Math.max(0, at - 2), at)].at(-1) ?? "";
}

/** Whether a name can end before that character, or an @ stand behind it: it is no letter and no digit. */
function isApart(character: string): boolean {
  return !/^[\p{L}\p{N}]/u.test(character);
}
