/** The room's chat at a browser peer: the log's shell. */

import { ChatKeeper, type Past } from "./chat-keeper.ts";
import { folded, matcher } from "./chat-search.ts";
import { seconds } from "./clockwork.ts";
import type { Act } from "./core/chat-acts.ts";
import { peerIdOf } from "./core/chat-author.ts";
import { ChatLog } from "./core/chat-log.ts";
import type { Draft, Entry } from "./core/chat-message.ts";
import type { Page } from "./core/chat-past.ts";
import type { Ruled } from "./core/chat-placing.ts";
import { Typing } from "./core/chat-typing.ts";
import { type Measure, measure, type Verb } from "./core/measures.ts";
import { BANNED, KICKED, MODERATOR, type Moderation, type Rule } from "./core/moderation.ts";
import type { SharedFile } from "./core/shared-file.ts";
import { toBase64url, toHex } from "./encoding.ts";
import { FileSession, isLive } from "./file-session.ts";
import { openFileStore } from "./file-store.ts";
import { gathering } from "./gathering.ts";
import { type Identity, TAG_CHAT, verify } from "./identity.ts";
import type { Mesh } from "./links/mesh.ts";
import type { Talk } from "./room.ts";
import type { Moderate, Neighbours } from "./signaling-types.ts";
import type { KnownStream } from "./streams.ts";
import { MALFORMED, type OfChat, peekType, WireError } from "./wire.ts";
import { decodeChat } from "./wire-chat.ts";
import { CHAT_TYPING, decodeTyping, encodeTyping } from "./wire-typing.ts";

/** Peers that may list what they do not send, before nobody is taken to have it. */
const MAX_TRIES = 4;
/** The first type of the messages about files. */
const FILES = 0x40;
/** Code of an ERROR on a link. */
const FORBIDDEN = 6;
/** Measures in one message to the introducer. */
const AT_ONCE = 8;
/** Between two words about what is to be shown, ms: to draw it takes a part of that. */
const TELL_EVERY = 50;
/** After a link has opened, ms. */
const MEND_AFTER = 1000;
const NOTHING: Past = { ids: [], messages: [] };
/** Longer than this (ms) nobody waits for the browser's database. */
const PATIENCE = 2000;

/** Who is told what happens in a chat. */
export interface ChatEvents {
  /** Each accepted text, in the order of arrival; null when what is shown of others has changed. */
  changed(message: Entry | null): void;
  /** The introducer is to be told of measures, which it carries out, or asked for more neighbours. */
  tell(message: Moderate | Neighbours): void;
  /** One is not in the room any more, for the reason that the sentence says. */
  removed(sentence: string): void;
}

/**
 * The chat of a room, with what the browser has kept of it; without that where it lets nothing be kept. `changed` is called
 * once for what comes together, with null.
 */
export async function openChat(
  server: string,
  room: string,
  identity: Identity,
  outside: ChatEvents,
  owner: Uint8Array | null = null,
): Promise<ChatSession> {
  const changed = gathering(() => outside.changed(null), TELL_EVERY);
  const events = { ...outside, changed };
  const late = new Promise<null>((resolve) => setTimeout(resolve, PATIENCE, null));
  const restored = await Promise.race([restoredChat(server, room, identity, events, owner), late]).catch(
    () => null,
  );
  const chat = restored ?? new ChatSession(room, identity, events, owner);
  void withFiles(chat, `braidcast.files ${server} ${room} ${identity.id}`, identity, events);
  return chat;
}

/** Files need not be there before the words are. Where the browser lets nothing be kept, the chat goes on without. */
async function withFiles(
  chat: ChatSession,
  name: string,
  identity: Identity,
  events: ChatEvents,
): Promise<void> {
  try {
    const files = new FileSession(identity.id, await openFileStore(name), {
      changed: () => events.changed(null),
      company: () => events.tell({ type: "neighbours", links: 1 }),
    });
    await files.restore();
    chat.useFiles(files);
  } catch {
    // no database
  }
}

async function restoredChat(
  server: string,
  room: string,
  identity: Identity,
  events: ChatEvents,
  owner: Uint8Array | null = null,
): Promise<ChatSession> {
  const { openChatStore } = await import("./chat-store.ts");
  const keeper = new ChatKeeper(await openChatStore(`braidcast.chat ${server} ${room} ${identity.id}`), room);
  const chat = new ChatSession(room, identity, events, owner, keeper);
  await keeper.restore(chat.log);
  return chat;
}

/** Says and hears. It outlives a mesh: a page that comes back from the browser's cache goes on with another. */
export class ChatSession implements Talk {
  readonly log: ChatLog;
  /** One's own, in hex digits. */
  readonly key: string;
  /** Null until they are there, and where the browser lets nothing be kept. */
  files: FileSession | null = null;
  readonly #links = new Set<string>();
  /** The files of messages, by the messages' ids. */
  readonly #fileOf = new Map<string, string>();
  readonly #typing = new Typing();
  #mesh: Mesh | null = null;
  #acting = false;
  /** Questions about the past, one after the other; the first has been asked. */
  readonly #pages: { begin: () => boolean; resolve: (page: Page) => void }[] = [];
  #mending: ReturnType<typeof setTimeout> | undefined;
  #saying: Promise<unknown> = Promise.resolve();

  constructor(
    room: string,
    private readonly identity: Identity,
    private readonly events: ChatEvents,
    owner: Uint8Array | null = null,
    private readonly keeper: ChatKeeper | null = null,
  ) {
    this.key = toHex(identity.key);
    this.log = new ChatLog(room, identity.key, {}, keeper !== null, owner);
  }

  /** Talks over the links of `mesh` from now on; null: over none. */
  use(mesh: Mesh | null): void {
    clearTimeout(this.#mending);
    for (const peer of [...this.#links]) this.linkClosed(peer);
    this.#mesh = mesh;
    this.files?.use(mesh);
  }

  /**
   * Signs and sends a text, which may answer another one (its id). Rejects with a ChatError, which has a sentence, when it
   * cannot be said.
   */
  say(
    text: string,
    name: string,
    reply: string | null = null,
    file: SharedFile | null = null,
  ): Promise<Entry> {
    return this.#sign(
      () => this.log.compose(text, name, Date.now(), seconds(), reply, file),
      (draft, signature) => {
        this.#typing.sent();
        return this.log.said(draft, signature, seconds());
      },
    );
  }

  /** Takes a file in and tells of it. Rejects with a sentence. */
  async sendFile(file: File, name: string, text = ""): Promise<void> {
    if (this.files === null) throw new Error("The browser lets no files be kept here, so none can be sent.");
    if (this.silenced !== null) throw new Error(this.silenced);
    const shared = await this.files.offer(file);
    await this.say(text.trim() === "" ? shared.name : text, name, null, shared);
  }

  /** Messages may tell of files from now on. */
  useFiles(files: FileSession): void {
    this.files = files;
    files.use(this.#mesh);
    for (const peer of this.#links) files.linkOpened(peer);
    this.events.changed(null);
  }

  /** Signs and sends what is done to a message. Rejects with a ChatError when it cannot be. */
  do(act: Act): Promise<void> {
    return this.#sign(
      () => this.log.composeAct(act, Date.now(), seconds()),
      (draft, signature) => this.log.done(draft, signature, seconds()),
    );
  }

  /** Signs and sends a measure. Rejects with a ChatError when one may not. */
  rule(verb: Verb, fields: Partial<Measure> = {}): Promise<void> {
    return this.#sign(
      () => this.log.composeMeasure(measure(verb, fields), Date.now(), seconds()),
      (draft, signature) => this.log.done(draft, signature, seconds()),
    );
  }

  /** Signs and sends a checkpoint that leaves the last `keep` messages. Rejects with a ChatError when one may not. */
  checkpoint(keep: number): Promise<void> {
    return this.#sign(
      () => this.log.composeCheckpoint(keep, Date.now(), seconds()),
      (draft, signature) => this.log.done(draft, signature, seconds()),
    );
  }

  /** The introducer is there, perhaps again: whoever may tell it what is in force does. */
  introduced(): void {
    const { moderation } = this.log;
    if (moderation !== null && moderation.standing(this.key) >= MODERATOR) this.#tell(moderation.rules);
  }

  #tell(rules: readonly Rule[]): void {
    // By what a checkpoint says it is judged what comes after measures that nobody keeps; it may be long.
    const first = rules.filter(({ measure }) => measure.verb === "checkpoint");
    const rest = rules.filter((rule) => !first.includes(rule));
    for (const rule of first) this.#tellPart([rule]);
    for (let at = 0; at < rest.length; at += AT_ONCE) this.#tellPart(rest.slice(at, at + AT_ONCE));
  }

  #tellPart(rules: readonly Rule[]): void {
    const messages = rules.map(({ id }) => this.log.measure(id)).filter((message) => message !== undefined);
    const measures = messages.map(({ header, signature, body }) => ({
      header: toBase64url(header),
      signature: toBase64url(signature),
      body: toBase64url(body ?? new Uint8Array()),
    }));
    this.events.tell({ type: "moderate", measures });
  }

  /** Links to those whom a checkpoint bans end. */
  #keepOut(): void {
    for (const key of this.log.moderation?.state().banned ?? []) {
      if (key === this.key) this.events.removed(BANNED);
      else this.#mesh?.refuse(peerIdOf(key), FORBIDDEN, BANNED);
    }
  }

  /** Links to those whom a measure bans or kicks end, and are not taken again. */
  #ruled({ id, live }: Ruled): void {
    const rule = this.log.moderation?.get(id);
    if (rule === undefined) return;
    const { verb, subject } = rule.measure;
    const banned = verb === "ban" && this.log.moderation?.state().isBanned(subject ?? "") === true;
    if (rule.author === this.key) this.#tell([rule]);
    if (verb === "checkpoint") this.#keepOut();
    if (subject !== null && (banned || (verb === "kick" && live))) {
      const sentence = banned ? BANNED : KICKED;
      if (subject === this.key) this.events.removed(sentence);
      else this.#mesh?.refuse(peerIdOf(subject), FORBIDDEN, sentence);
    }
    this.events.changed(null);
  }

  /** One after the other: each message follows the one before it. */
  #sign<T>(write: () => Draft, send: (draft: Draft, signature: Uint8Array) => T): Promise<T> {
    const sent = this.#saying.then(async () => {
      const draft = write();
      const done = send(draft, await this.identity.sign(TAG_CHAT, draft.header));
      this.#act();
      return done;
    });
    this.#saying = sent.catch(() => undefined);
    return sent;
  }

  get moderation(): Moderation | null {
    return this.log.moderation;
  }

  get silenced(): string | null {
    return this.log.silenced;
  }

  /** All texts in the order that is the same for everybody. */
  messages(): Entry[] {
    const messages = this.log.messages();
    for (const { id, file } of messages) if (file !== null) this.#fileOf.set(id, file.id);
    return messages;
  }

  /**
   * The texts just before that message, in order: from memory, from the browser's database, or from others, who send 200
   * at most. Empty when nobody here has any.
   */
  async before(id: string, count = 200): Promise<Entry[]> {
    const here = this.log.before(id, count);
    if (here.length > 0) return here;
    let asked = id;
    let partial: readonly Entry[] = [];
    for (let tries = 0; tries < MAX_TRIES; ) {
      let past: Past = (await this.keeper?.before(asked, count, this.log)) ?? NOTHING;
      if (past.ids.length === 0) {
        const before = [asked];
        const page = await this.#page(() => this.log.askBefore(before, seconds()));
        if (!page.ids?.length) break;
        if (page.came < page.ids.length) {
          // Who listed them did not send them all: the same question goes to the next one.
          tries += page.came > 0 ? 2 : 1;
          partial = page.messages;
          continue;
        }
        past = { ids: page.ids, messages: page.messages };
      }
      if (past.messages.length > 0) return [...past.messages];
      asked = past.ids[0] ?? asked; // all of that is of kinds that are not shown
    }
    return partial.length > 0 ? [...partial] : this.#leftBefore(id, count);
  }

  /** The texts just after that message, in order, from memory or from the browser's database, without a gap. */
  async after(id: string, count = 200): Promise<Entry[]> {
    const entries = this.log.messages();
    const at = entries.findIndex((entry) => entry.id === id);
    if (at >= 0) return entries.slice(at + 1, at + 1 + count);
    for (let asked = id; ; ) {
      const { ids, messages } = (await this.keeper?.after(asked, count, this.log)) ?? NOTHING;
      const last = ids.at(-1);
      if (last === undefined || messages.length > 0) return [...messages];
      asked = last; // all of that is of kinds that are not shown
    }
  }

  /** What there is before that message, although something is missing that nobody sends. */
  #leftBefore(id: string, count: number): Entry[] {
    const entries = this.log.messages();
    const at = entries.findIndex((entry) => entry.id === id);
    return entries.slice(Math.max(0, at - count), Math.max(0, at));
  }

  /**
   * The last `count` texts that hold all these words, in order: of memory, and of the browser's database. Without words there
   * are none, but the database is read for searches to come.
   */
  async search(words: string, count: number): Promise<Entry[]> {
    const matches = matcher(words);
    if (matches === null) {
      await this.keeper?.texts();
      return [];
    }
    const here = this.log.messages();
    const found = here.filter(({ text }) => matches(folded(text))).slice(-count);
    if (found.length === count || this.keeper === null) return found;
    const known = new Set(here.map(({ id }) => id));
    const kept = await this.keeper.search(matches, count, this.log);
    return [...kept.filter(({ id }) => !known.has(id)), ...found].slice(-count);
  }

  #page(begin: () => boolean): Promise<Page> {
    return new Promise((resolve) => {
      this.#pages.push({ begin, resolve });
      this.#nextPage();
    });
  }

  #nextPage(): void {
    if (this.#pages[0]?.begin()) this.#act();
  }

  linkOpened(peer: string, company: number): void {
    if (this.log.moderation?.state().banned.some((key) => peerIdOf(key) === peer) === true) {
      this.#mesh?.refuse(peer, FORBIDDEN, BANNED);
      return;
    }
    this.#links.add(peer);
    this.log.linkOpened(peer, seconds(), company);
    this.#act();
    this.files?.linkOpened(peer);
    clearTimeout(this.#mending);
    // What this peer has said last comes first.
    const ask = (ids: readonly string[]) => this.#page(() => this.log.askMissing(ids, seconds()));
    this.#mending = setTimeout(() => void this.keeper?.mend(ask), MEND_AFTER);
  }

  linkClosed(peer: string): void {
    this.#links.delete(peer);
    if (this.#typing.stopped(peer)) this.events.changed(null);
    this.log.linkClosed(peer, seconds());
    this.#act();
    this.files?.linkClosed(peer);
  }

  /** The link to `peer` still holds so many bytes of blocks. */
  drained(peer: string, buffered: number): void {
    this.files?.drained(peer, buffered);
  }

  /** A message of the chat, about a file, or about who is writing, came. */
  receivedRaw(peer: string, data: Uint8Array): void {
    const type = peekType(data);
    if (type >= FILES && type < CHAT_TYPING) {
      this.files?.received(peer, data);
      return;
    }
    try {
      if (type === CHAT_TYPING) {
        if (this.#typing.heard(peer, decodeTyping(data), seconds())) this.events.changed(null);
        return;
      }
      const message = decodeChat(data);
      if (message !== null) this.received(peer, message);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#mesh?.refuse(peer, error.code, error.sentence);
    }
  }

  /** Tells those to whom there are links that one writes, or has stopped. */
  writes(on: boolean): void {
    if (!this.#typing.writes(on, seconds())) return;
    for (const peer of this.#links) this.#mesh?.send(peer, encodeTyping(on));
  }

  get writing(): readonly string[] {
    return this.#typing.peers(seconds());
  }

  received(peer: string, message: OfChat): void {
    this.log.received(peer, message, seconds());
    this.#act();
  }

  nextTimer(): number | null {
    const timers = [this.log.nextTimer(), this.#typing.nextTimer(), this.files?.share.nextTimer()].filter(
      (at) => at != null,
    );
    return timers.length === 0 ? null : Math.min(...timers);
  }

  /** What is live among the room's `streams` goes first. The clock was woken `late` by so many seconds. */
  handleTimer(now: number, streams: Iterable<KnownStream> = [], late = 0): void {
    if (this.#typing.handleTimer(now)) this.events.changed(null);
    this.log.handleTimer(now);
    this.#act();
    this.files?.handleTimer(now, isLive(streams), late);
  }

  /** Nobody is to have the file of a message that is gone, if no other message tells of it. */
  #takenBack(id: string): void {
    const file = this.#fileOf.get(id);
    this.#fileOf.delete(id);
    if (file !== undefined && ![...this.#fileOf.values()].includes(file)) void this.files?.forget(file);
  }

  #act(): void {
    // Ending a link makes events of its own; what they ask for waits its turn.
    if (this.#acting) return;
    this.#acting = true;
    try {
      for (let actions = this.log.pollActions(); actions.length > 0; actions = this.log.pollActions()) {
        for (const action of actions) {
          switch (action.type) {
            case "send":
              this.#mesh?.send(action.peer, action.data, action.channel);
              break;
            case "verify":
              void verify(action.key, action.tag, action.data, action.signature).then((genuine) => {
                this.log.verified(action.token, genuine, seconds());
                this.#act();
              });
              break;
            case "deliver":
              this.#typing.stopped(action.message.author);
              this.events.changed(action.message);
              break;
            case "revise":
              if (action.message === null && this.keeper === null) this.#takenBack(action.id);
              this.events.changed(null);
              break;
            case "page":
              for (const entry of action.messages) this.events.changed(entry);
              this.#pages.shift()?.resolve(action);
              this.#nextPage();
              break;
            case "keep":
              this.keeper?.keep(action, this.log);
              break;
            case "ruled":
              this.#ruled(action);
              break;
            case "keepMeasure":
              this.keeper?.keepMeasure(action);
              break;
            case "forget":
              this.keeper?.settle(action, this.log);
              break;
            case "erase":
              this.#takenBack(action.target);
              this.keeper?.erase(action, this.log);
              break;
            case "recall":
            case "lookup":
            case "lookupBefore":
              void this.keeper?.answer(action, this.log, seconds).then(() => this.#act());
              break;
            case "reject":
              this.#mesh?.refuse(action.peer, MALFORMED, action.sentence);
              break;
          }
        }
      }
    } finally {
      this.#acting = false;
    }
  }
}
