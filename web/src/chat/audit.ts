/** What was done in a room by whom, in sentences. */

import type { Checkpoint } from "../core/checkpoint.ts";
import type { Measure } from "../core/measures.ts";
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
    // What a checkpoint says is ended part by part.
    const over = ended.has(rule.id) && !isCheckpoint(rule.measure);
    const remark = moderation.counts(rule, all) ? (over ? "ended" : "") : "void";
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
    checkpoint: `settled what was said before, which nobody keeps; ${inForce(measure)}`,
    slow: seconds > 0 ? `set slow mode to ${seconds} s` : "ended slow mode",
  };
  return `${who} ${done[verb]}${reason === "" ? "" : ` (${reason})`}`;
}

/** As in core/checkpoint.ts, which comes with the log and not with the page. */
function isCheckpoint(measure: Measure): measure is Checkpoint {
  return measure.verb === "checkpoint";
}

/** What a checkpoint says. */
function inForce(measure: Measure): string {
  if (!isCheckpoint(measure)) return "";
  const { moderators, members, banned, muted, lock, slow } = measure;
  const counted = [
    [moderators.length, "moderator"],
    [members.length, "member"],
    [banned.length, "ban"],
    [muted.length, "mute"],
  ] as const;
  const told = [
    ...counted
      .filter(([count]) => count > 0)
      .map(([count, word]) => `${count} ${word}${count === 1 ? "" : "s"}`),
    ...(lock === null ? [] : ["the lock"]),
    ...(slow > 0 ? [`slow mode of ${slow} s`] : []),
  ];
  return told.length > 0 ? `in force stay ${told.join(", ")}` : "nothing is in force from then";
}
