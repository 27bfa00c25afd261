/** What can be done to a message: a menu at each of them, of which one at a time is open. */

import {
  html,
  nothing,
  type ReactiveController,
  type ReactiveControllerHost,
  type TemplateResult,
} from "lit";

export interface Choice {
  label: string;
  /** What is seen in place of the label. */
  sign?: string;
  /** It cannot be undone: asked once more. */
  grave?: boolean;
  pressed?: boolean;
  run(): void;
}

interface Host extends ReactiveControllerHost {
  readonly renderRoot: HTMLElement | DocumentFragment;
}

const STEPS: Readonly<Record<string, number>> = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };

/** The buttons of the messages are one stop of the Tab key: arrow keys go from one to the next. */
export class MessageMenu implements ReactiveController {
  readonly #host: Host;
  #open: string | null = null;
  #asked: string | null = null;
  #current: string | null = null;
  #focus = false;

  constructor(host: Host) {
    this.#host = host;
    host.addController(this);
  }

  hostDisconnected(): void {
    this.#open = this.#asked = null;
  }

  hostUpdated(): void {
    if (!this.#focus) return;
    this.#focus = false;
    const first = this.#host.renderRoot.querySelector<HTMLElement>(".menu [role^=menuitem]");
    first?.focus();
    first?.closest(".menu")?.scrollIntoView({ block: "nearest" });
  }

  /** The one message among these whose button the Tab key comes to. */
  stop(ids: readonly string[]): string | undefined {
    return this.#current !== null && ids.includes(this.#current) ? this.#current : ids.at(-1);
  }

  /** The button of the message, and its menu when that is open; `name` says whose message it is. */
  render(id: string, name: string, isStop: boolean, choices: () => readonly Choice[]): TemplateResult {
    const open = this.#open === id;
    return html`<button type="button" class="more" aria-haspopup="menu" aria-expanded=${open} tabindex=${isStop ? 0 : -1}
        aria-label="Actions for the message of ${name}" title="Actions" @click=${() => this.#toggle(id)} @keydown=${this.#onButtonKey}
        @focus=${() => this.#stay(id)}>⋯</button>
      ${open ? this.#menu(name, choices()) : nothing}`;
  }

  #menu(name: string, choices: readonly Choice[]): TemplateResult {
    return html`<div class="menu" role="menu" tabindex="-1" aria-label="Message of ${name}" @keydown=${this.#onMenuKey} @focusout=${this.#onLeave}>
      ${choices.map((choice) => this.#item(choice))}
    </div>`;
  }

  #item(choice: Choice): TemplateResult {
    const asks = this.#asked === choice.label;
    const role = choice.pressed === undefined ? "menuitem" : "menuitemcheckbox";
    return html`<button type="button" role=${role} tabindex="-1" class=${choice.sign === undefined ? "" : "sign"}
      aria-checked=${choice.pressed ?? nothing} aria-label=${choice.sign === undefined ? nothing : choice.label}
      @click=${() => this.#choose(choice)}>${asks ? `${choice.label}: are you sure?` : (choice.sign ?? choice.label)}</button>`;
  }

  #choose(choice: Choice): void {
    if (choice.grave === true && this.#asked !== choice.label) {
      this.#asked = choice.label;
      this.#host.requestUpdate();
      return;
    }
    this.#close();
    choice.run();
  }

  #toggle(id: string): void {
    if (this.#open === id) {
      this.#close();
      return;
    }
    this.#open = this.#current = id;
    this.#asked = null;
    this.#focus = true;
    this.#host.requestUpdate();
  }

  /** The focus goes back to the button. */
  #close(): void {
    const button = this.#host.renderRoot.querySelector<HTMLElement>(".more[aria-expanded=true]");
    this.#open = this.#asked = null;
    button?.focus();
    this.#host.requestUpdate();
  }

  #stay(id: string): void {
    if (this.#current === id) return;
    this.#current = id;
    this.#host.requestUpdate();
  }

  readonly #onLeave = (event: FocusEvent): void => {
    const menu = event.currentTarget as HTMLElement;
    const next = event.relatedTarget as HTMLElement | null;
    if (next !== null && (menu.contains(next) || next.matches(".more[aria-expanded=true]"))) return;
    this.#open = this.#asked = null;
    this.#host.requestUpdate();
  };

  readonly #onButtonKey = (event: KeyboardEvent): void => {
    this.#go(event, ".more", (step) => step === "ArrowUp" || step === "ArrowDown");
  };

  readonly #onMenuKey = (event: KeyboardEvent): void => {
    event.stopPropagation();
    if (event.key === "Escape") this.#close();
    else this.#go(event, ".menu [role^=menuitem]", () => true);
  };

  #go(event: KeyboardEvent, selector: string, takes: (key: string) => boolean): void {
    const all = [...this.#host.renderRoot.querySelectorAll<HTMLElement>(selector)];
    const at = all.indexOf(event.target as HTMLElement);
    const step = STEPS[event.key];
    let next = event.key === "Home" ? all[0] : event.key === "End" ? all.at(-1) : undefined;
    if (step !== undefined && takes(event.key)) next = all[(at + step + all.length) % all.length];
    if (next === undefined) return;
    event.preventDefault();
    next.focus();
    next.scrollIntoView({ block: "nearest" });
  }
}
