/**
 * Offers names behind an @: the list of a combobox (WAI-ARIA). The field stays the text box that HTML says a `<textarea>` is;
 * while there are offers it points to the list and to the one that Enter takes.
 */

import {
  html,
  nothing,
  type ReactiveController,
  type ReactiveControllerHost,
  type TemplateResult,
} from "lit";
import { handles, type People } from "../core/chat-mentions.ts";
import { hueOf, shownName } from "./names.ts";

const MOST = 8;
const LONGEST = 80;

interface Host extends ReactiveControllerHost {
  readonly renderRoot: HTMLElement | DocumentFragment;
}

interface Offer {
  peer: string;
  /** What is put behind the @. */
  handle: string;
  /** What the list calls that one: as the messages do where there is no name. */
  shown: string;
}

interface Offers {
  /** Where the @ stands. */
  start: number;
  found: readonly Offer[];
}

export class NameChoice implements ReactiveController {
  readonly #host: Host;
  readonly #people: () => People;
  #offers: Offers | null = null;
  #at = 0;

  constructor(host: Host, people: () => People) {
    this.#host = host;
    this.#people = people;
    host.addController(this);
  }

  hostDisconnected(): void {
    this.#offers = null;
  }

  hostUpdated(): void {
    this.#list()?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" });
  }

  get open(): boolean {
    return this.#offers !== null;
  }

  /** The id of the offer that Enter takes. */
  get active(): string | typeof nothing {
    return this.open ? `name-${this.#at}` : nothing;
  }

  /** How many there are, for those who do not see the list. */
  get told(): string {
    const count = this.#offers?.found.length ?? 0;
    if (count === 0) return "";
    return `${count === 1 ? "1 name" : `${count} names`}: arrow keys choose, Enter takes one.`;
  }

  readonly onInput = (event: Event): void => this.#look(event.currentTarget as HTMLTextAreaElement);

  readonly onLeave = (): void => this.#set(null);

  /** Whether the key was for the list. */
  takes(event: KeyboardEvent): boolean {
    const offers = this.#offers;
    if (offers === null || event.isComposing) return false;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) {
      this.#at = (this.#at + step + offers.found.length) % offers.found.length;
      this.#host.requestUpdate();
    } else if (event.key === "Enter" || event.key === "Tab") this.#choose(this.#at);
    else if (event.key === "Escape") this.#set(null);
    else return false;
    event.preventDefault();
    return true;
  }

  render(): TemplateResult | typeof nothing {
    if (this.#offers === null) return nothing;
    return html`<div class="names" id="names" role="listbox" aria-label="People">${this.#offers.found.map(
      ({ peer, shown }, place) =>
        html`<div id="name-${place}" role="option" aria-selected=${place === this.#at} class="hue-${hueOf(peer)}"
          @mousedown=${(event: Event) => event.preventDefault()} @click=${() => this.#choose(place)}>${shown}</div>`,
    )}</div>`;
  }

  #look(field: HTMLTextAreaElement): void {
    const before = field.value.slice(0, field.selectionStart);
    const start = before.lastIndexOf("@");
    const begun = before.slice(start + 1).toLowerCase();
    if (start < 0 || begun.length > LONGEST || /[\p{L}\p{N}]$/u.test(before.slice(0, start))) {
      this.#set(null);
      return;
    }
    const found = offers(this.#people())
      .filter(({ handle, shown }) => [handle, shown].some((name) => name.toLowerCase().startsWith(begun)))
      .sort((one, other) => one.shown.localeCompare(other.shown))
      .slice(0, MOST);
    this.#set(found.length === 0 ? null : { start, found });
  }

  #set(offers: Offers | null): void {
    if (offers === null && this.#offers === null) return;
    this.#offers = offers;
    this.#at = 0;
    this.#host.requestUpdate();
  }

  #choose(place: number): void {
    const field = this.#host.renderRoot.querySelector("textarea");
    const offers = this.#offers;
    const handle = offers?.found[place]?.handle;
    if (field === null || offers === null || handle === undefined) return;
    field.setRangeText(`@${handle} `, offers.start, field.selectionStart, "end");
    this.#set(null);
    field.focus();
  }

  #list(): HTMLElement | null {
    return this.#host.renderRoot.querySelector("#names");
  }
}

export function offers(people: People): Offer[] {
  return [...handles(people)].map(([peer, handle]) => {
    const named = (people.get(peer) ?? "").trim() !== "";
    return { peer, handle, shown: named ? handle : shownName({ author: peer, name: "" }) };
  });
}
