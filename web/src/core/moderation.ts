/**
 * Who may do what in a room, and what was done: the same for whoever has the same measures.
 *
 * A measure counts by the measures that its author knew (its past) and by those that take its author's standing away. All
 * that is told of a room is computed from a set of measures, whatever the order in which they came. Sets of measures are
 * bits of an integer.
 *
 * A checkpoint of the owner takes the place of all measures that stand up to where it settles the log. Of several the one
 * that settles most is in force (of two that settle the same, the later one in the order): what it says holds for all that
 * stands behind, as if everybody had known it. Words of somebody whom it bans are hidden; they are invalid only where their
 * author knew the checkpoint itself.
 */

import { comparePlaces, type Place } from "./chat-message.ts";
import { type Checkpoint, checkpoint, isCheckpoint, SETTLED_MEASURES } from "./checkpoint.ts";
import { MAX_AFTER, type Measure, type MeasureRole, measure, type Verb } from "./measures.ts";

const MAX_MEASURES = 1_024;
/** Measures of one author other than the owner: whoever was a moderator once cannot fill the room. */
const MAX_OF_MODERATOR = 256;
const FULL = "That is more than can be done in a room.";
/** States that are kept: most messages know the same measures. */
const REMEMBERED = 64;
const LIFTS: Partial<Record<Verb, Verb>> = { unmute: "mute", unban: "ban", unlock: "lock" };
const ENDING: ReadonlySet<Verb> = new Set(["unmute", "unban", "unlock", "slow", "grant"]);

/** What is said to those whom a measure keeps out. */
export const BANNED = "You are banned from this room.";
export const KICKED = "You were removed from this room: come back in ten minutes.";

/** What somebody is in a room. */
export const GUEST = 0;
export const MEMBER = 1;
export const MODERATOR = 2;
export const OWNER = 3;
export type Standing = typeof GUEST | typeof MEMBER | typeof MODERATOR | typeof OWNER;
const ROLES: Readonly<Record<MeasureRole, Standing>> = { member: MEMBER, moderator: MODERATOR };

/** A measure that was taken; `author` is a key, `place` where its message stands, `time` its author's. */
export interface Rule {
  readonly id: string;
  readonly author: string;
  readonly clock: number;
  readonly time: number;
  readonly measure: Measure;
  readonly number: number;
  /** The measures that its author knew, as bits. */
  readonly past: bigint;
  readonly place: Place;
}

/** A rule that counts; `ends` are the measures that count and end it, as bits. */
export interface Force {
  readonly rule: Rule;
  readonly ends: bigint;
}

/** What a set of measures makes of a room; rules are in the order of places, ended ones among them. */
export class State {
  readonly bans = new Map<string, Force[]>();
  readonly mutes = new Map<string, Force[]>();
  readonly locks: Force[] = [];
  readonly slows: Force[] = [];
  /** By the message. */
  readonly deletes = new Map<string, Rule[]>();

  constructor(
    readonly moderators: ReadonlySet<string>,
    readonly members: ReadonlySet<string>,
  ) {}

  isBanned(key: string): boolean {
    return (this.bans.get(key) ?? []).some(({ ends }) => ends === 0n);
  }

  isMuted(key: string): boolean {
    return (this.mutes.get(key) ?? []).some(({ ends }) => ends === 0n);
  }

  /** Keys. */
  get banned(): string[] {
    return [...this.bans.keys()].filter((key) => this.isBanned(key));
  }

  /** Between two messages of one author, in slow mode. */
  get seconds(): number {
    return Math.max(0, ...inForce(this.slows).map(({ measure }) => measure.seconds));
  }

  /** Who may speak at least. */
  get least(): Standing {
    return Math.max(GUEST, ...inForce(this.locks).map(lockedFor)) as Standing;
  }

  put(force: Force): void {
    const { verb, subject, target } = force.rule.measure;
    if (verb === "ban") pushTo(this.bans, subject ?? "", force);
    else if (verb === "mute") pushTo(this.mutes, subject ?? "", force);
    else if (verb === "lock") this.locks.push(force);
    else if (verb === "slow") this.slows.push(force);
    else if (verb === "delete") pushTo(this.deletes, target ?? "", force.rule);
  }
}

/** The measures of a room whose owner has that key. */
export class Moderation {
  readonly owner: string;
  #rules: Rule[] = [];
  readonly #byId = new Map<string, Rule>();
  readonly #known = new Map<bigint, State>();
  /** What the owner did to the standing of moderators, by key. */
  readonly #appointments = new Map<string, Rule[]>();
  readonly #dismissals = new Map<string, Rule[]>();
  #checkpoints: Rule[] = [];
  /** The one that is in force. */
  #checkpoint: Rule | null = null;
  /** What it says. */
  #base: Checkpoint = checkpoint();
  /** What is in force by it, as if it were measures. */
  #restated: Rule[] = [];
  /** Ids that checkpoints tell of: the measures among them are known, and are nothing by themselves. */
  #settled = new Set<string>();

  constructor(owner: string) {
    this.owner = owner;
  }

  has(id: string): boolean {
    return this.#byId.has(id);
  }

  get(id: string): Rule | undefined {
    return this.#byId.get(id);
  }

  get size(): number {
    return this.#rules.length;
  }

  /** In the order that is the same for everybody. */
  get rules(): Rule[] {
    return [...this.#rules].sort(byPlace);
  }

  /** All that is known, as bits. */
  get all(): bigint {
    return (1n << BigInt(this.#rules.length)) - 1n;
  }

  /** The one that is in force. */
  get checkpoint(): Rule | null {
    return this.#checkpoint;
  }

  /** Up to where the log is settled: what stands there or before it is out. */
  get settled(): Place | null {
    return this.#checkpoint === null ? null : this.#base.settled;
  }

  /** Whether that is out, being before the checkpoint that is in force. */
  settles(place: Place): boolean {
    return this.#checkpoint !== null && comparePlaces(place, this.#base.settled) <= 0;
  }

  /** Whether a checkpoint tells of that message: nobody waits for it. */
  isSettled(id: string): boolean {
    return this.#settled.has(id);
  }

  /** Those of these that are not here, and what the checkpoint in force among them comes after. */
  unknown(after: readonly string[]): string[] {
    const unknown = this.#absent(after);
    const past = this.past(after);
    for (const rule of this.#checkpoints) {
      // What another one comes after may be settled, and never come.
      if (rule.measure === this.#base && knows(past, rule)) unknown.push(...this.#absent(rule.measure.after));
    }
    return [...new Set(unknown)];
  }

  #absent(ids: readonly string[]): string[] {
    return ids.filter((id) => !this.#byId.has(id) && !this.#settled.has(id));
  }

  /** Those of these that are here and all that they come after, as bits. */
  past(after: readonly string[]): bigint {
    let bits = 0n;
    for (const id of after) {
      const rule = this.#byId.get(id);
      if (rule !== undefined) bits |= rule.past | bit(rule);
    }
    return bits;
  }

  /** The measures that none comes after: whoever names them knows all. The last ones, at most 8. */
  heads(): string[] {
    const followed = this.#rules.reduce((bits, rule) => bits | rule.past, 0n);
    const heads = this.rules.filter((rule) => !knows(followed, rule));
    return heads.slice(-MAX_AFTER).map(({ id }) => id);
  }

  // Taking measures

  /** Why that author may not do that, knowing what the measure comes after; null if it may. */
  objection(author: string, measure: Measure, clock: number | null = null): string | null {
    if (isCheckpoint(measure)) {
      if (author !== this.owner) return "Only the owner of the room makes checkpoints.";
      if (clock !== null && measure.settled[0] >= clock)
        return "A checkpoint stands behind all that it settles.";
      return null;
    }
    const past = this.past(measure.after);
    const standing = this.standing(author, past);
    if (standing < MODERATOR) return "Only the owner of the room and its moderators can do that.";
    if (clock !== null && measure.after.some((id) => (this.#byId.get(id)?.clock ?? -1) >= clock))
      return "A measure stands behind those that it comes after.";
    const { subject, verb, role } = measure;
    if (subject === this.owner) return "Nothing can be done to the owner of the room.";
    if (standing === OWNER) return null;
    if (role === "moderator" && (verb === "grant" || verb === "revoke"))
      return "Only the owner of the room appoints and dismisses moderators.";
    if (subject !== null && subject !== author && this.standing(subject, past) >= MODERATOR)
      return "Only the owner of the room can do that to a moderator.";
    return null;
  }

  /** Adds a measure that is signed by its author. Returns why it is refused, null if it was taken. */
  take(id: string, author: string, clock: number, time: number, measure: Measure): string | null {
    const sentence = this.objection(author, measure, clock);
    if (sentence !== null) return sentence;
    const number = this.#rules.length;
    const past = this.past(measure.after);
    const rule: Rule = {
      id,
      author,
      clock,
      time,
      measure,
      number,
      past,
      place: [clock, author, id],
    };
    if (this.settles(rule.place)) return "That stands before a checkpoint of the room.";
    if (isCheckpoint(measure)) return this.#beginAnew(rule);
    if (
      author !== this.owner &&
      this.#rules.filter((rule) => rule.author === author).length >= MAX_OF_MODERATOR
    )
      return "That is more than one moderator may do in a room.";
    if (number >= MAX_MEASURES) return FULL;
    // It may have been in the knowledge of this that a checkpoint was made.
    if (this.#checkpoints.some((known) => known.measure.after.includes(id)))
      this.#replay([...this.#rules, rule]);
    else this.#add(rule);
    return null;
  }

  #add(rule: Rule): void {
    const { id, author, measure } = rule;
    this.#rules.push(rule);
    this.#byId.set(id, rule);
    this.#known.clear();
    if (isCheckpoint(measure)) this.#checkpoints.push(rule);
    const { verb, role, subject } = measure;
    if (author === this.owner && subject !== null) {
      if (verb === "grant" && role === "moderator") pushTo(this.#appointments, subject, rule);
      else if (verb === "ban" || (verb === "revoke" && role === "moderator"))
        pushTo(this.#dismissals, subject, rule);
    }
  }

  /** Takes a checkpoint. Returns why it is refused. */
  #beginAnew(rule: Rule): string | null {
    const rules = [...this.#rules, rule];
    const { settled } = inForceOf(rules).measure;
    if (rules.filter(({ place }) => comparePlaces(place, settled) > 0).length > MAX_MEASURES) return FULL;
    this.#replay(rules);
    return null;
  }

  /**
   * Takes those anew that stand behind the checkpoint in force: what counts follows from them and it.
   *
   * What comes after measures of which no checkpoint tells, and which are not here, is out, as it would be where it came last.
   */
  #replay(rules: readonly Rule[]): void {
    const first = inForceOf(rules);
    this.#base = first.measure;
    const kept = rules.filter(({ place }) => comparePlaces(place, first.measure.settled) > 0).sort(byPlace);
    this.#settled = new Set(kept.flatMap(({ measure }) => (isCheckpoint(measure) ? measure.known : [])));
    this.#rules = [];
    this.#checkpoints = [];
    this.#checkpoint = null;
    for (const map of [this.#byId, this.#known, this.#appointments, this.#dismissals]) map.clear();
    for (const { id, author, clock, time, measure, place } of kept) {
      if (!isCheckpoint(measure) && this.unknown(measure.after).length > 0) continue;
      if (this.objection(author, measure, clock) !== null) continue;
      const [number, past] = [this.#rules.length, this.past(measure.after)];
      this.#add({ id, author, clock, time, measure, number, past, place });
    }
    this.#known.clear();
    const rule = this.#byId.get(first.id) ?? first;
    this.#checkpoint = rule;
    const { banned, muted, lock, slow } = first.measure;
    this.#restated = [
      ...banned.map((subject) => measure("ban", { subject })),
      ...muted.map((subject) => measure("mute", { subject })),
      ...(lock === null ? [] : [measure("lock", { role: lock })]),
      ...(slow === 0 ? [] : [measure("slow", { seconds: slow })]),
    ].map((stated) => ({ ...rule, measure: stated }));
  }

  /** What a checkpoint says that settles all up to there, made in the knowledge of all that is here. */
  restated(settled: Place): Checkpoint {
    const { rules } = this;
    const isBefore = ({ place }: Rule): boolean => comparePlaces(place, settled) <= 0;
    const before = rules.filter(isBefore);
    const given = [...before, ...(this.#checkpoint === null ? [] : [this.#checkpoint])];
    const state = this.state(given.reduce((bits, rule) => bits | bit(rule), 0n));
    const behind = rules.filter((rule) => !isBefore(rule));
    const named = [...behind.flatMap(({ measure }) => measure.after), ...this.heads()];
    const known = named.filter((id) => {
      const rule = this.#byId.get(id);
      return this.#settled.has(id) || (rule !== undefined && isBefore(rule));
    });
    const last = before.reverse().slice(0, SETTLED_MEASURES);
    const names: (MeasureRole | null)[] = [null, "member", "moderator"];
    return checkpoint({
      settled,
      known: [...new Set([...known, ...last.map(({ id }) => id)])],
      moderators: [...state.moderators].sort(),
      members: [...state.members].sort(),
      banned: state.banned.sort(),
      muted: [...state.mutes.keys()].filter((key) => state.isMuted(key)).sort(),
      lock: names[state.least] ?? null,
      slow: state.seconds,
    });
  }

  // What counts, given the measures of a set

  /** Whether its author had standing, and has not lost it to something that did not know of this. */
  counts(rule: Rule, given: bigint): boolean {
    if (rule.author === this.owner) return true;
    const dismissals = among(this.#dismissals, rule.author, given);
    const known = dismissals.every((lost) => knows(lost.past, rule));
    if (known && this.#base.moderators.includes(rule.author)) return true;
    return among(this.#appointments, rule.author, given & rule.past).some((grant) =>
      dismissals.every((lost) => !knows(lost.past, grant) || knows(lost.past, rule)),
    );
  }

  /** What that key is, by a set of measures or by all that is known. */
  standing(key: string, given = this.all): Standing {
    if (key === this.owner) return OWNER;
    const { moderators, members } = this.state(given);
    if (moderators.has(key)) return MODERATOR;
    return members.has(key) ? MEMBER : GUEST;
  }

  /** What a set of measures makes of the room: all that is known if none is given. */
  state(given = this.all): State {
    let state = this.#known.get(given);
    if (state === undefined) {
      if (this.#known.size >= REMEMBERED) this.#known.clear();
      state = this.#state(given);
      this.#known.set(given, state);
    }
    return state;
  }

  #state(given: bigint): State {
    const rules = this.#rules.filter((rule) => knows(given, rule) && this.counts(rule, given)).sort(byPlace);
    const granted = rules
      .filter(({ measure }) => measure.verb === "grant")
      .map(({ measure }) => measure.subject);
    const named = [...granted, ...this.#base.moderators];
    const moderators = new Set(named.filter((key) => key !== null && this.#isModerator(key, given)));
    const state = new State(moderators as ReadonlySet<string>, membersBy(rules, this.#base.members));
    const ending = new Map<string, Rule[]>();
    for (const rule of rules) {
      if (ENDING.has(rule.measure.verb)) pushTo(ending, rule.measure.subject ?? "", rule);
    }
    if (this.#checkpoint !== null && knows(given, this.#checkpoint)) {
      for (const rule of this.#restated) {
        const later = (ending.get(rule.measure.subject ?? "") ?? []).filter((found) => endsBy(found, rule));
        state.put({
          rule,
          ends: later.reduce((bits, found) => bits | bit(found), 0n),
        });
      }
    }
    for (const rule of rules) {
      const { subject } = rule.measure;
      // Nobody but the owner can do anything to moderators.
      if (rule.author !== this.owner && subject !== rule.author && moderators.has(subject)) continue;
      const later = (ending.get(subject ?? "") ?? []).filter(
        (found) => knows(found.past, rule) && endsBy(found, rule),
      );
      state.put({
        rule,
        ends: later.reduce((bits, found) => bits | bit(found), 0n),
      });
    }
    return state;
  }

  #isModerator(key: string, given: bigint): boolean {
    const dismissals = among(this.#dismissals, key, given);
    if (dismissals.length === 0 && this.#base.moderators.includes(key)) return true;
    return among(this.#appointments, key, given).some(
      (grant) => !dismissals.some((lost) => knows(lost.past, grant)),
    );
  }
}

/** Who may speak at least in a room with that lock. */
export function lockedFor({ measure }: Rule): Standing {
  return ROLES[measure.role ?? "moderator"];
}

function inForce(forces: readonly Force[]): Rule[] {
  return forces.filter(({ ends }) => ends === 0n).map(({ rule }) => rule);
}

/** Whether `later`, about the same subject, ends the rule if it knew of it. */
function endsBy(later: Rule, rule: Rule): boolean {
  const { verb, role } = later.measure;
  const before = rule.measure.verb;
  const appoints = verb === "grant" && role === "moderator";
  return LIFTS[verb] === before || (verb === "slow" && before === "slow") || (before === "ban" && appoints);
}

/** Of the checkpoints among these the one that settles most. */
function inForceOf(rules: readonly Rule[]): Rule & { readonly measure: Checkpoint } {
  const told = rules.filter((rule): rule is Rule & { readonly measure: Checkpoint } =>
    isCheckpoint(rule.measure),
  );
  return told.reduce((most, rule) => {
    const difference = comparePlaces(rule.measure.settled, most.measure.settled);
    return difference > 0 || (difference === 0 && byPlace(rule, most) > 0) ? rule : most;
  });
}

/** Who was one `before`, or made a member by rules that count, and not unmade by one that knew of it. */
function membersBy(rules: readonly Rule[], before: readonly string[]): ReadonlySet<string> {
  const told = rules.filter(({ measure }) => measure.role === "member" && measure.verb !== "lock");
  const members = new Set<string>();
  for (const grant of told) {
    const { verb, subject } = grant.measure;
    const unmade = told.some(
      ({ measure, past }) => measure.verb === "revoke" && measure.subject === subject && knows(past, grant),
    );
    if (verb === "grant" && subject !== null && !unmade) members.add(subject);
  }
  const unmade = new Set(
    told.filter(({ measure }) => measure.verb === "revoke").map(({ measure }) => measure.subject),
  );
  for (const key of before) if (!unmade.has(key)) members.add(key);
  return members;
}

function among(rules: ReadonlyMap<string, Rule[]>, key: string, given: bigint): Rule[] {
  return (rules.get(key) ?? []).filter((rule) => knows(given, rule));
}

function bit({ number }: Rule): bigint {
  return 1n << BigInt(number);
}

function knows(bits: bigint, rule: Rule): boolean {
  return (bits & bit(rule)) !== 0n;
}

function byPlace(a: Rule, b: Rule): number {
  return comparePlaces(a.place, b.place);
}

function pushTo<T>(lists: Map<string, T[]>, key: string, value: T): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}
