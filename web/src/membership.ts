/** Being in a room, as the elements of a page see it: the node behind it, and what is told of it. */

import type { ChatSession } from "./chat-session.ts";
import { fromBase64url, toBase64url } from "./encoding.ts";
import type { Identity } from "./identity.ts";
import { loadOrCreate } from "./identity-store.ts";
import { Node, type NodeEvents } from "./node.ts";
import { OriginClient } from "./origin-client.ts";
import type {
  ChatMessage,
  JoinOptions,
  PartSink,
  Room,
  RoomState,
  RosterEntry,
  StreamState,
  Watch,
} from "./room.ts";
import { NAME } from "./signing.ts";
import { type KnownStream, StreamDirectory } from "./streams.ts";
import { Viewing } from "./viewing.ts";

/** What is most probably watched. */
const MAIN = "main";

export const NOT_LOADED = "A part of this page could not be loaded: load the page again.";
const NO_LINKS =
  "No direct connection to other viewers can be made at the moment. The stream comes from its own server, if it has one.";
const NO_CHAT = "No direct connection to others can be made at the moment: no messages get through.";

/** One membership in one room. The constructor throws an Error with one sentence when the options cannot be used. */
export class Membership extends EventTarget implements Room, NodeEvents {
  id = "";
  state: RoomState = "connecting";
  readonly streams = new Map<string, StreamState>();
  readonly #options: JoinOptions;
  readonly #server: string;
  readonly #owner: string;
  readonly #directory: StreamDirectory;
  readonly #viewings = new Set<Viewing>();
  readonly #ready: Promise<void>;
  #identity: Identity | null = null;
  chat: ChatSession | null = null;
  #node: Node | null = null;
  #name: string;
  #away = false;

  constructor(options: JoinOptions) {
    super();
    const { room, name = "", publisherKey = "", owner = publisherKey } = options;
    this.#owner = owner;
    if (!NAME.test(room)) {
      throw new Error(
        `“${room}” is no name of a room: use 1 to 64 letters, digits and . _ ~ -, a letter or digit first.`,
      );
    }
    this.#options = options;
    this.#server = addressOf(options.server);
    this.#name = name;
    this.#directory = new StreamDirectory(room, publisherKey === "" ? null : keyOf(publisherKey));
    window.addEventListener("pagehide", this.#onPageHide, { capture: true });
    window.addEventListener("pageshow", this.#onPageShow);
    if (options.role !== "member") void this.#askServer();
    this.#ready = this.#begin();
  }

  get roster(): RosterEntry[] {
    return [...(this.#node?.roster.values() ?? [])];
  }

  get count(): number {
    return this.#node?.count ?? 0;
  }

  get messages(): ChatMessage[] {
    return this.chat?.messages() ?? [];
  }

  async older(than: ChatMessage): Promise<ChatMessage[]> {
    return (await this.chat?.before(than.id)) ?? [];
  }

  watch(stream: string, sink: PartSink, rendition?: string | null): Watch {
    const gone = (stopped: Viewing) => this.#viewings.delete(stopped);
    const viewing = new Viewing(stream, sink, this.#options.p2p, gone, rendition);
    this.#viewings.add(viewing);
    if (this.#node !== null) viewing.attach(this.#node);
    return viewing;
  }

  async send(text: string, reply?: string): Promise<void> {
    await this.#ready;
    if (this.chat === null || this.state === "closed") {
      throw new Error("You are not in the room any more: reload the page to join it again.");
    }
    await this.chat.say(text, this.#name, reply);
  }

  async sendFile(file: File, text?: string): Promise<void> {
    await this.#ready;
    await this.chat?.sendFile(file, this.#name, text);
  }

  setName(name: string): void {
    this.#name = name;
    this.#node?.rename(name);
  }

  leave(): void {
    if (this.state === "closed") return;
    this.#end(false);
    this.#setState("closed");
  }

  // What the node tells.

  joined(): void {
    this.#away = false;
    this.#setState("joined");
    this.chat?.introduced();
  }

  away(sentence: string): void {
    if (!this.#away && this.state === "connecting") this.#fire("error", { message: sentence });
    this.#away = true;
    if (this.state === "joined") this.#setState("reconnecting");
  }

  refused(sentence: string): void {
    this.#end(false);
    this.#setState("closed");
    this.#fire("error", { message: sentence });
  }

  rosterChanged(): void {
    this.#fire("roster");
  }

  streamChanged(known: KnownStream): void {
    this.streams.set(known.description.stream, stateOf(known));
    for (const viewing of [...this.#viewings]) viewing.described(known);
    this.#fire("streams");
  }

  blockedChanged(blocked: boolean): void {
    if (blocked) this.#fire("error", { message: this.#viewings.size > 0 ? NO_LINKS : NO_CHAT });
  }

  // Inside.

  async #begin(): Promise<void> {
    // The picture needs no chat, and so need not wait until that is loaded.
    const loading = import("./chat-session.ts").catch(() => null);
    const identity = await loadOrCreate();
    if (this.state === "closed") return;
    this.#identity = identity;
    this.id = identity.id;
    this.#start(identity);
    const loaded = await loading;
    if (loaded === null) {
      this.refused(NOT_LOADED);
      return;
    }
    this.chat = await loaded.openChat(
      this.#server,
      this.#options.room,
      identity,
      {
        changed: () => this.#fire("chat", this.messages),
        tell: (message) => this.#node?.signal(message),
        removed: (sentence) => this.refused(sentence),
      },
      this.#owner === "" ? null : keyOf(this.#owner),
    );
    this.#fire("chat", this.messages);
    this.#node?.join(this.chat);
  }

  #start(identity: Identity): Node {
    const { room, role = "viewer", token = null } = this.#options;
    const [server, name, streams] = [this.#server, this.#name, this.#directory];
    const owner = this.#owner === "" ? null : this.#owner;
    const node = new Node({ server, room, role, name, token, owner, identity, streams }, this);
    this.#node = node;
    node.start();
    for (const viewing of this.#viewings) viewing.attach(node);
    return node;
  }

  /** The stream's description by HTTP: that is sooner here than over a WebSocket, and media can begin at once. */
  async #askServer(): Promise<void> {
    const origin = new OriginClient(this.#server);
    origin.setOrigins([`/live/${this.#options.room}/${MAIN}`]);
    const answer = await origin.description();
    if (!(answer instanceof Uint8Array) || this.state === "closed") return;
    const known = await this.#directory.take(answer).catch(() => null);
    if (known !== null) this.streamChanged(known);
  }

  readonly #onPageHide = (): void => {
    this.#stopNode(true);
  };

  /** The browser kept the page, and shows it again. */
  readonly #onPageShow = ({ persisted }: PageTransitionEvent): void => {
    if (!persisted || this.#identity === null || this.#node !== null) return;
    this.#setState("reconnecting");
    const node = this.#start(this.#identity);
    if (this.chat !== null) node.join(this.chat);
  };

  #stopNode(now: boolean): void {
    for (const viewing of this.#viewings) viewing.detach();
    this.#node?.leave(now);
    this.#node = null;
  }

  #end(now: boolean): void {
    window.removeEventListener("pagehide", this.#onPageHide, { capture: true });
    window.removeEventListener("pageshow", this.#onPageShow);
    this.#stopNode(now);
  }

  #setState(state: RoomState): void {
    this.state = state;
    this.#fire("state");
  }

  #fire(type: string, detail?: unknown): void {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

function stateOf({ key, publisher, description }: KnownStream): StreamState {
  const { stream, state, title, renditions, origins } = description;
  return { name: stream, key: toBase64url(key), publisher, state, title, renditions, origins };
}

function addressOf(server: string): string {
  try {
    return new URL(server, location.href).href;
  } catch {
    throw new Error(`“${server}” is no address of a server: give one such as https://host:8000.`);
  }
}

function keyOf(text: string): Uint8Array {
  try {
    const key = fromBase64url(text);
    if (key.length === 32) return key;
  } catch {
    // said below
  }
  throw new Error("The publisher's key in the link is damaged: copy the whole link again.");
}
