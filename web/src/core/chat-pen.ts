/** Writing one's own messages: no faster than others accept, never two that are the same, and only what one may. */

import { MAX_BODY, MAX_FOLLOWS, TEXT } from "../wire-chat.ts";
import { Bucket, type Rate } from "./bucket.ts";
import { type Act, ChatError, KINDS, writeAct } from "./chat-acts.ts";
import type { History } from "./chat-history.ts";
import {
  ChatRateError,
  comparePlaces,
  type Draft,
  nextClock,
  type Place,
  type SignedMessage,
  writeDraft,
  writeText,
} from "./chat-message.ts";
import { lastOf, type Restraints } from "./chat-restraints.ts";
import { CHECKPOINT, type Checkpoint, checkpoint, peopleIn, writeCheckpoint } from "./checkpoint.ts";
import { MEASURE, type Measure, WITH_LAST, writeMeasure } from "./measures.ts";
import type { SharedFile } from "./shared-file.ts";

const NO_OWNER = "Nobody here knows who owns this room: use the link that its owner gives.";

/** Writes for the author with public key `key` in the room with that hash. Calls throw a ChatError. */
export class Pen {
  readonly #room: string;
  readonly #key: string;
  readonly #rate: Rate;
  readonly #history: History;
  readonly #restraints: Restraints;
  #bucket: Bucket | null = null;
  #time = 0;
  /** The time that the last text showed which was sent. */
  said = 0;

  constructor(room: string, key: string, rate: Rate, history: History) {
    this.#room = room;
    this.#key = key;
    this.#rate = rate;
    this.#history = history;
    this.#restraints = history.restraints;
  }

  /** A text, which may answer the message with the id `reply`, and tell of a file. */
  text(
    text: string,
    name: string,
    reply: string | null,
    wallMs: number,
    now: number,
    file: SharedFile | null,
  ): Draft {
    this.#mayWrite();
    const slowness = this.#restraints.slowness(this.#key);
    const wait = this.said + 1000 * slowness - wallMs;
    if (slowness > 0 && wait > 0)
      throw new ChatError(`The room is in slow mode: write again in ${Math.ceil(wait / 1000)} s.`);
    return this.#write(TEXT, writeText(name, text, reply, this.#known(), file), wallMs, now);
  }

  /** What one does to a message. */
  act(act: Act, wallMs: number, now: number): Draft {
    const target = this.#history.get(act.target);
    if (act.type !== "reaction" && target !== undefined && target.header.author !== this.#key) {
      throw new ChatError(`Only messages of your own can be ${act.type === "edit" ? "edited" : "deleted"}.`);
    }
    if (target !== undefined && this.#history.view.entry(target) === null) {
      throw new ChatError("That message is not there any more.");
    }
    this.#mayWrite();
    return this.#write(KINDS[act.type], writeAct(act, this.#known()), wallMs, now);
  }

  /** What one does in the room, after all that is known, and with what counts of its subject. */
  measure(given: Measure, wallMs: number, now: number): Draft {
    const { moderation } = this.#restraints;
    if (moderation === null) throw new ChatError(NO_OWNER);
    const { subject, verb } = given;
    const counting = this.#history.messages.filter((known) => !this.#restraints.hides(known));
    const get = (id: string): SignedMessage | undefined => this.#history.get(id);
    const last = subject !== null && WITH_LAST.has(verb) ? lastOf(subject, counting, get) : [];
    const measure = { ...given, after: this.#known(), last };
    const sentence = moderation.objection(this.#key, measure);
    if (sentence !== null) throw new ChatError(sentence);
    return this.#write(MEASURE, writeMeasure(measure), wallMs, now);
  }

  /** A checkpoint that settles all but the last `keep` messages and measures. */
  checkpoint(keep: number, wallMs: number, now: number): Draft {
    const { moderation } = this.#restraints;
    if (moderation === null) throw new ChatError(NO_OWNER);
    const sentence = moderation.objection(this.#key, checkpoint());
    if (sentence !== null) throw new ChatError(sentence);
    const every = [...this.#history.messages, ...this.#history.pinned];
    const here = [...new Map(every.map((message) => [message.id, message])).values()].sort((a, b) =>
      comparePlaces(a.place, b.place),
    );
    const behind = keep > 0 ? here.slice(-keep) : [];
    const last = here[here.length - behind.length - 1]?.place;
    const first = lastBefore(behind[0]?.place ?? [1, "", ""]);
    const settled = last !== undefined && comparePlaces(last, first) > 0 ? last : first;
    if (last === undefined && settled[0] <= (moderation.settled?.[0] ?? 0))
      throw new ChatError(`There is nothing to settle: no more than ${keep} messages are here.`);
    const ids = new Set(behind.map(({ id }) => id));
    const followed = behind.flatMap(({ header }) => header.follows).filter((id) => !ids.has(id));
    const restated = moderation.restated(settled);
    const known = [...new Set([...restated.known, ...followed])];
    const made: Checkpoint = { ...restated, after: this.#known(), known };
    const body = writeCheckpoint(made);
    if (body.length > MAX_BODY)
      throw new ChatError(
        `The checkpoint is too long: it has ${body.length} bytes, ${MAX_BODY} is the most. It names ${peopleIn(made)} people: ` +
          "let some back in, or make them no members, first.",
      );
    return this.#write(CHECKPOINT, body, wallMs, now);
  }

  #mayWrite(): void {
    const silenced = this.#restraints.silenced(this.#key);
    if (silenced !== null) throw new ChatError(silenced);
  }

  #known(): string[] {
    return this.#restraints.moderation?.heads() ?? [];
  }

  /** What a newcomer follows who has seen nothing else, so as to stand behind what is settled. */
  #checkpoint(): SignedMessage[] {
    const rule = this.#restraints.moderation?.checkpoint ?? null;
    const message = rule === null ? undefined : this.#history.get(rule.id);
    return message === undefined ? [] : [message];
  }

  /** A message that follows the last ones. Throws a ChatRateError when it is too early. */
  #write(kind: number, body: Uint8Array, wallMs: number, now: number): Draft {
    this.#bucket ??= new Bucket(this.#rate, now);
    if (!this.#bucket.take(now)) throw new ChatRateError(this.#bucket.ready() - now);
    const last = this.#history.heads(MAX_FOLLOWS);
    const heads = last.length > 0 ? last : this.#checkpoint();
    // The same words twice in a millisecond are still two messages.
    this.#time = Math.max(wallMs, this.#time + 1);
    const clock = nextClock(heads.map((head) => head.header.clock));
    const follows = heads.map((head) => head.id);
    return writeDraft(this.#room, this.#key, clock, this.#time, follows, body, kind);
  }
}

/** The last place that a message may have of those with a lesser clock: others may have some there. */
function lastBefore([clock]: Place): Place {
  return [clock - 1, "f".repeat(64), "f".repeat(64)];
}
