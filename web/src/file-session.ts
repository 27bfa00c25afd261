/** The files of a room's chat at a browser peer: the share's shell, with what the browser keeps of them. */

import { seconds } from "./clockwork.ts";
import type { FileAction } from "./core/file-actions.ts";
import { toForget } from "./core/file-quota.ts";
import { FileShare } from "./core/file-share.ts";
import { fitName, fitType, type SharedFile } from "./core/shared-file.ts";
import { FileKeeper } from "./file-keeper.ts";
import type { FileStore } from "./file-store.ts";
import type { Mesh } from "./links/mesh.ts";
import type { FileState, Files } from "./room.ts";
import type { KnownStream } from "./streams.ts";
import { WireError } from "./wire.ts";
import { BLOCK, decode } from "./wire-files.ts";

/** Bytes of files that a browser keeps for one room. */
export const QUOTA = 1_000_000_000;
/** Between two words about how far files have come, ms. */
const TELL_EVERY = 250;
const AWAY: FileState = { state: "away" };

type Wanted = Pick<SharedFile, "id" | "size">;

export interface FileEvents {
  /** Something is to be shown otherwise. */
  changed(): void;
  /** Links to more peers would help. */
  company(): void;
}

/** Gives, gets and keeps files, `quota` bytes at most. It outlives a mesh, as a `ChatSession` does. */
export class FileSession implements Files {
  readonly share: FileShare;
  /** Bytes of messages with pieces that went out. */
  sent = 0;
  readonly #keeper: FileKeeper;
  readonly #store: FileStore;
  readonly #events: FileEvents;
  readonly #quota: number;
  /** What is kept, and what is on its way, the oldest first. */
  readonly #sizes = new Map<string, number>();
  readonly #whole = new Set<string>();
  readonly #states = new Map<string, FileState>();
  /** What is wanted and has not all come. */
  readonly #wanted = new Set<string>();
  #mesh: Mesh | null = null;
  #acting = false;
  #toldAt = 0;

  constructor(own: string, store: FileStore, events: FileEvents, quota: number = QUOTA) {
    this.share = new FileShare(own);
    this.#store = store;
    this.#keeper = new FileKeeper(store);
    this.#events = events;
    this.#quota = quota;
  }

  /** Gives what is kept to others, and goes on with what was begun when the page was here last. */
  async restore(): Promise<void> {
    for (const { id, size, whole, wanted } of await this.#store.list()) {
      this.#sizes.set(id, size);
      if (wanted) this.begin({ id, size });
      if (!whole) continue;
      this.#whole.add(id);
      this.share.keep(id, size, seconds());
    }
    this.#act();
  }

  use(mesh: Mesh | null): void {
    this.#mesh = mesh;
  }

  /** Takes a file in, to be told of by a message. Rejects with a sentence. */
  async offer(file: File): Promise<SharedFile> {
    if (file.size === 0) throw new Error(`“${file.name}” is empty: there is nothing to send.`);
    if (file.size > this.#quota)
      throw new Error(`“${file.name}” is too large: ${this.#quota / 1e6} MB is the most.`);
    await this.#makeRoom(file.size);
    const id = await this.#keeper
      .add(file, () => undefined)
      .catch(() => {
        throw new Error(`“${file.name}” cannot be read, or the browser has no room to keep it.`);
      });
    this.#sizes.set(id, file.size);
    this.#isHere(id);
    this.share.keep(id, file.size, seconds());
    this.#act();
    return { id, name: fitName(file.name), size: file.size, type: fitType(file.type) };
  }

  stateOf({ id, size }: SharedFile): FileState {
    if (this.#whole.has(id)) return { state: "here" };
    const known = this.share.progress(id);
    if (!this.#wanted.has(id)) return this.#states.get(id) ?? AWAY;
    const { blocks = 0, sources = 0 } = known ?? {};
    return { state: "coming", received: Math.min(size, blocks * BLOCK), sources };
  }

  begin(file: Wanted): void {
    if (this.#whole.has(file.id) || this.#wanted.has(file.id)) return;
    this.#wanted.add(file.id);
    this.#states.delete(file.id);
    void this.#fetch(file);
    this.#events.changed();
  }

  stop({ id }: SharedFile): void {
    this.#wanted.delete(id);
    void this.#keeper.stop(id).catch(() => undefined);
    this.share.stop(id, seconds());
    this.#act();
    this.#events.changed();
  }

  data({ id }: SharedFile): Promise<Blob | null> {
    return this.#store.data(id);
  }

  /** Its message was taken back. */
  async forget(id: string): Promise<void> {
    this.#wanted.delete(id);
    this.#whole.delete(id);
    this.#sizes.delete(id);
    this.share.forget(id, seconds());
    this.#act();
    await this.#keeper.drop(id).catch(() => undefined);
  }

  // What links tell.

  linkOpened(peer: string): void {
    this.share.linkOpened(peer, seconds());
    this.#act();
  }

  linkClosed(peer: string): void {
    this.share.linkClosed(peer, seconds());
    this.#act();
  }

  received(peer: string, data: Uint8Array): void {
    try {
      this.share.received(peer, decode(data), seconds());
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#mesh?.refuse(peer, error.code, error.sentence);
    }
    this.#act();
  }

  drained(peer: string, buffered: number): void {
    this.share.drained(peer, buffered, seconds());
    this.#act();
  }

  /** `live`: something in the room is, and goes first. The clock was woken `late` by so many seconds. */
  handleTimer(now: number, live: boolean, late: number): void {
    this.share.besideVideo(live, now);
    this.share.handleTimer(now, late);
    this.#act();
  }

  // Inside.

  async #fetch(file: Wanted): Promise<void> {
    try {
      if (!this.#sizes.has(file.id)) await this.#makeRoom(file.size);
      this.#sizes.set(file.id, file.size);
      const [tables, have] = await this.#keeper.resume(file.id, file.size);
      if (!this.#wanted.has(file.id)) return;
      if (!this.share.begin(tables, have, seconds())) {
        this.#fail(file.id, "Too many files are on their way: try again when one has come.");
      }
    } catch (error) {
      const own = error instanceof Error && error.name === "Error";
      this.#fail(file.id, own ? error.message : "The browser lets no file be kept here.");
    }
    this.#act();
    this.#events.changed();
  }

  async #makeRoom(size: number): Promise<void> {
    const kept = [...this.#sizes].filter(([id]) => !this.#wanted.has(id));
    let coming = 0;
    for (const [id, other] of this.#sizes) if (this.#wanted.has(id)) coming += other;
    const gone = toForget(kept, size, this.#quota - coming);
    if (gone === null) throw new Error(`There is no room for the file: ${this.#quota / 1e6} MB may be kept.`);
    for (const id of gone) await this.forget(id);
  }

  #isHere(id: string): void {
    this.#whole.add(id);
    this.#wanted.delete(id);
    this.#states.delete(id);
  }

  #fail(id: string, sentence: string): void {
    this.#wanted.delete(id);
    void this.#keeper.stop(id).catch(() => undefined);
    this.#states.set(id, { state: "failed", sentence });
    this.#events.changed();
  }

  async #finish(id: string): Promise<void> {
    try {
      await this.#keeper.finish(id, this.#sizes.get(id) ?? 0);
      this.#isHere(id);
    } catch {
      this.share.forget(id, seconds());
      this.#fail(id, "The file has come, but the browser has no room to keep it.");
    }
    this.#events.changed();
  }

  #act(): void {
    if (this.#acting) return;
    this.#acting = true;
    try {
      for (let actions = this.share.pollActions(); actions.length > 0; actions = this.share.pollActions()) {
        for (const action of actions) this.#do(action);
      }
    } finally {
      this.#acting = false;
    }
  }

  #do(action: FileAction): void {
    switch (action.type) {
      case "send":
        if (
          this.#mesh?.send(action.peer, action.data, action.channel) === true &&
          action.channel === "blocks"
        ) {
          this.sent += action.data.length;
        }
        break;
      case "readPiece": {
        const { peer, file, piece } = action;
        const reading = this.#keeper.read(file, this.#sizes.get(file) ?? 0, piece).catch(() => null);
        void reading.then((data) => {
          this.share.pieceRead(peer, file, piece, data, seconds());
          this.#act();
        });
        break;
      }
      case "writePiece": {
        const { file, piece, data } = action;
        void this.#keeper.write(file, piece, data).then((ok) => {
          this.share.written(file, piece, ok, seconds());
          this.#act();
          this.#tell();
        });
        break;
      }
      case "fileDone":
        void this.#finish(action.file);
        break;
      case "fileFailed":
        this.#sizes.delete(action.file);
        this.#fail(action.file, action.sentence);
        void this.#keeper.drop(action.file).catch(() => undefined);
        break;
      case "filePutOff":
        this.#fail(action.file, "Nobody who is here has the file at the moment: try again later.");
        break;
      case "findCompany":
        this.#events.company();
        break;
      case "reject":
        this.#mesh?.expel(action.peer, action.reason);
        break;
    }
  }

  #tell(): void {
    const now = performance.now();
    if (now < this.#toldAt + TELL_EVERY) return;
    this.#toldAt = now;
    this.#events.changed();
  }
}

/** Whether any of a room's streams is live. */
export function isLive(streams: Iterable<KnownStream>): boolean {
  return [...streams].some(({ description }) => description.state === "live");
}
