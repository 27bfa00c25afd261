/** All that was said in a room, as a file of one's own. */

import { mentioned } from "../core/chat-mentions.ts";
import type { ChatMessage, Room } from "../room.ts";
import { Called, shownName } from "./names.ts";

/** Messages: what is older stays out. */
const MOST = 200_000;

/** All texts that are here, in the browser's database or with others, in order; `told` how many there are so far. */
export async function everything(
  room: Pick<Room, "messages" | "older">,
  told: (count: number) => void,
): Promise<ChatMessage[]> {
  let found = [...room.messages];
  while (found[0] !== undefined && found.length < MOST) {
    told(found.length);
    const known = new Set(found.map(({ id }) => id));
    const page = await room.older(found[0]);
    const older = page.filter(({ id }) => !known.has(id));
    if (older.length === 0) break;
    found = [...older, ...found];
  }
  return found;
}

/** The same objects as those of `braidcast chat --json`, one on each line. */
export function asJsonLines(messages: readonly ChatMessage[]): string {
  return messages
    .map(({ id, author, name, text, time, clock, reply, edited, file, reactions }) =>
      JSON.stringify({
        id,
        author,
        name,
        text,
        mentions: mentioned(text),
        time,
        clock,
        reply,
        edited,
        file: file ?? null,
        reactions: Object.fromEntries(reactions),
      }),
    )
    .map((line) => `${line}\n`)
    .join("");
}

/** As a person reads it: a line for each message, further lines of it set in. */
export function asText(messages: readonly ChatMessage[]): string {
  const byId = new Map(messages.map((message) => [message.id, message]));
  const called = new Called([], messages);
  return messages
    .map((message) => {
      const answered = byId.get(message.reply ?? "");
      const to =
        message.reply === null
          ? ""
          : ` to ${answered === undefined ? "an earlier message" : shownName(answered)}`;
      const text = called.readable(message.text).replaceAll("\n", "\n      ");
      const file = message.file == null ? "" : `\n      [file: ${message.file.name}]`;
      return `${stamp(message.time)} ${shownName(message)}${to}: ${text}${file}\n`;
    })
    .join("");
}

function stamp(time: number): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? "----" : date.toISOString().slice(0, 16).replace("T", " ");
}

/** The browser saves it under that name. */
export function save(text: string, name: string, type: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
