/** What was done in a room by whom, in sentences. */

import type { Moderation, Rule } from "../core/moderation.ts";
import type { Talk } from "../room.ts";

/** How somebody with that key is called. */
export type Named = (key: string) => string;

export interface Record {
  readonly id: string;
  readonly time: number;
  readonly sentence: string;
  /** Why it is not in force, if it is not. */
  readonly remark: string;
}

/** The last that was done, at most `most`, the very last first. */
export function audit(moderation: Moderation, named: Named, most: number): Record[] {
  const { all } = moderation;
  const state = moderation.state();
  const forces = [...state.bans.values(), ...state.mutes.values(), state.locks, state.slows].flat();
  const ended = new Set(forces.filter(({ ends }) => ends !== 0n).map(({ rule }) => rule.id));
  const records = moderation.rules.slice(-most).map((rule) => {
    const remark = moderation.counts(rule, all) ? (ended.has(rule.id) ? "ended" : "") : "void";
    return { id: rule.id, time: rule.time, sentence: sentenceOf(rule, named), remark };
  });
  return records.reverse();
}

/** Whether somebody who may, may do that to somebody with that key. */
export function mayRule({ moderation, key }: Talk, subject: string): boolean {
  if (moderation === null) return false;
  const [own, other] = [moderation.standing(key), moderation.standing(subject)];
  return own >= MODERATOR && subject !== key && other < own;
}

/** As in core/moderation.ts, which comes only with a room that has chat. */
export const [MODERATOR, OWNER] = [2, 3];

function sentenceOf({ author, measure }: Rule, named: Named): string {
  const { verb, role, seconds, reason } = measure;
  const [who, whom] = [named(author), measure.subject === null ? "" : named(measure.subject)];
  const done: { [verb in typeof measure.verb]: string } = {
    grant: `made ${whom} a ${role}`,
    revoke: `made ${whom} no ${role} any more`,
    mute: `muted ${whom}`,
    unmute: `let ${whom} speak again`,
    kick: `removed ${whom} for ten minutes`,
    ban: `banned ${whom}`,
    unban: `let ${whom} back in`,
    delete: `deleted a message of ${whom}`,
    lock: role === "member" ? "locked the room for guests" : "locked the room for all but moderators",
    unlock: "unlocked the room",
    checkpoint: "settled what was said before: nobody keeps it",
    slow: seconds > 0 ? `set slow mode to ${seconds} s` : "ended slow mode",
  };
  return `${who} ${done[verb]}${reason === "" ? "" : ` (${reason})`}`;
}
