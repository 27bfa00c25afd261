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
  #fetching = false;
  /** Nobody who is here has anything older. */
  #begins = false;

  constructor(host: ReactiveControllerHost) {
    this.#host = host;
  }

  get fetching(): boolean {
    return this.#fetching;
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
    return first !== undefined && first.clock > 1 && !this.#fetching && !this.#begins;
  }

  /** Fetches what was said before all that is shown; `arrived` is called when there is some, just before it is shown. */
  async older(room: Room, arrived: () => void): Promise<void> {
    const first = this.shown(room.messages).messages[0];
    if (first === undefined || !this.canAsk(room)) return;
    this.#fetching = true;
    this.#host.requestUpdate();
    const page = await room.older(first).catch(() => []);
    this.#fetching = false;
    this.#begins = page.length === 0;
    this.#host.requestUpdate();
    if (this.#begins) return;
    arrived();
    const { messages, cut } = this.shown(room.messages);
    // What came may be among the live ones as well.
    const all = [...page, ...messages.slice(messages.findIndex(({ id }) => id === first.id))];
    this.#cut = cut || all.length > READ;
    this.#past = all.slice(0, READ);
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
