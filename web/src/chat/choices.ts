/** What one may do about a message. */

import type { Measure, Verb } from "../core/measures.ts";
import type { ChatMessage, Talk } from "../room.ts";
import { mayRule } from "./audit.ts";
import type { Choice } from "./message-menu.ts";

/** What is offered at once, and how it is called. */
const REACTIONS = [
  ["👍", "Thumbs up"],
  ["❤️", "Heart"],
  ["😂", "Laughing"],
  ["🎉", "Party"],
  ["👀", "Looking at it"],
] as const;

export interface Doing {
  do(work: (talk: Talk) => Promise<void>): void;
  reply(): void;
  edit(): void;
  thread(): void;
}

/** `own` is one's own peer id. */
export function choicesFor(message: ChatMessage, own: string, talk: Talk | null, doing: Doing): Choice[] {
  const { id: target } = message;
  const choices: Choice[] = REACTIONS.map(([emoji, label]) => {
    const given = message.reactions.some(([known, authors]) => known === emoji && authors.includes(own));
    const act = { type: "reaction", target, emoji, on: !given } as const;
    return { label, sign: emoji, pressed: given, run: () => doing.do((chat) => chat.do(act)) };
  });
  choices.push({ label: "Show the thread", run: doing.thread });
  choices.push({ label: "Reply", run: doing.reply });
  if (talk !== null) choices.push(...measures(message, talk, doing));
  if (message.author === own) {
    choices.push({ label: "Edit", run: doing.edit });
    const run = () => doing.do((chat) => chat.do({ type: "delete", target }));
    choices.push({ label: "Delete", grave: true, run });
  }
  return choices;
}

/** What one with standing may do about a message and its author. */
function measures({ id: target, key: subject }: ChatMessage, talk: Talk, doing: Doing): Choice[] {
  const { moderation } = talk;
  if (moderation === null || !mayRule(talk, subject)) return [];
  const state = moderation.state();
  const rule = (label: string, verb: Verb, fields: Partial<Measure> = {}, grave = false): Choice => ({
    label,
    grave,
    run: () => doing.do((chat) => chat.rule(verb, { subject, ...fields })),
  });
  const choices = [rule("Delete for everybody", "delete", { target }, true)];
  choices.push(state.isMuted(subject) ? rule("Unmute", "unmute") : rule("Mute", "mute"));
  choices.push(rule("Remove for ten minutes", "kick", {}, true));
  choices.push(state.isBanned(subject) ? rule("Unban", "unban") : rule("Ban", "ban", {}, true));
  if (!state.members.has(subject)) choices.push(rule("Make a member", "grant", { role: "member" }));
  if (moderation.owner === talk.key)
    choices.push(rule("Make a moderator", "grant", { role: "moderator" }, true));
  return choices;
}
