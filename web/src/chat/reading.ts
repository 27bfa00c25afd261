/** Which messages stand in the page: the newest, or those that somebody reads who has gone back. */

import type { ReactiveControllerHost } from "lit";
import type { ChatMessage, Room } from "../room.ts";

/** Messages in the page while new ones come; older ones scroll away. */
const SHOWN = 500;
/** Messages in the page of one who reads what is older; newer ones scroll away. */
const READ = 1000;

export interface Shown {
  messages: ChatMessage[];
  /** Newer ones have scrolled away. */
  cut: boolean;
}

export class Reading {
  readonly #host: ReactiveControllerHost;
  /** What is shown to one who reads what is older: it begins with that. */
  #past: ChatMessage[] = [];
  /** Newer messages than those of `#past` have scrolled away. */
  #cut = false;
  #fetching: "older" | "newer" | null = null;
  /** Nobody who is here has anything older. */
  #begins = false;

  constructor(host: ReactiveControllerHost) {
    this.#host = host;
  }

  get fetching(): boolean {
    return this.#fetching === "older";
  }

  get begins(): boolean {
    return this.#begins;
  }

  shown(live: readonly ChatMessage[]): Shown {
    const last = this.#past.at(-1);
    if (last === undefined) return { messages: live.slice(-SHOWN), cut: false };
    if (this.#cut) return { messages: this.#past, cut: true };
    const messages = [...this.#past, ...live.slice(live.findIndex(({ id }) => id === last.id) + 1)];
    return { messages: messages.slice(0, READ), cut: messages.length > READ };
  }

  /** Whether older messages are to be had, as far as one knows. */
  canAsk(room: Room): boolean {
    const first = this.shown(room.messages).messages[0];
    return first !== undefined && first.clock > 1 && this.#fetching === null && !this.#begins;
  }

  /** Fetches and shows what was said before all that is shown. */
  async older(room: Room): Promise<void> {
    const first = this.shown(room.messages).messages[0];
    if (first === undefined || !this.canAsk(room)) return;
    this.#fetching = "older";
    this.#host.requestUpdate();
    const page = await room.older(first).catch(() => []);
    this.#fetching = null;
    this.#begins = page.length === 0;
    this.#host.requestUpdate();
    if (this.#begins) return;
    const { messages, cut } = this.shown(room.messages);
    // What came may be among the live ones as well.
    const all = [...page, ...messages.slice(messages.findIndex(({ id }) => id === first.id))];
    this.#cut = cut || all.length > READ;
    this.#past = all.slice(0, READ);
  }

  /** Shows what was said after all that is shown, where that had scrolled away. */
  async newer(room: Room): Promise<void> {
    const last = this.shown(room.messages).messages.at(-1);
    if (last === undefined || this.#fetching !== null) return;
    this.#fetching = "newer";
    const page = (await room.chat?.after(last.id).catch(() => [])) ?? [];
    this.#fetching = null;
    const { messages, cut } = this.shown(room.messages);
    // Somebody may have gone to the newest meanwhile.
    if (page.length === 0 || !cut || messages.at(-1)?.id !== last.id) return;
    this.#past = [...messages, ...page].slice(-READ);
    this.#cut = this.#past.at(-1)?.id !== room.messages.at(-1)?.id;
    this.#host.requestUpdate();
  }

  /** The live messages have changed: those that were taken back are gone here, too. */
  changed(live: readonly ChatMessage[]): void {
    if (this.#past.length > 0) this.#past = stillSaid(this.#past, live);
  }

  /** Somebody came who may have more. */
  joined(): void {
    this.#begins = false;
  }

  /** That message takes the place of all. */
  goTo(message: ChatMessage): void {
    this.#past = [message];
    this.#cut = true;
    this.#begins = false;
  }

  /** The newest are shown again. */
  back(): void {
    this.#past = [];
    this.#cut = false;
  }
}

/** Of messages that were read, those that nobody has taken back since, as they are now. */
function stillSaid(past: readonly ChatMessage[], live: readonly ChatMessage[]): ChatMessage[] {
  const now = new Map(live.map((message) => [message.id, message]));
  const first = live[0]?.clock ?? 0;
  return past
    .filter(({ id, clock }) => clock <= first || now.has(id))
    .map((message) => now.get(message.id) ?? message);
}
