/** Tells somebody who looks elsewhere that they are mentioned, if they want that. */

import { html, nothing, type TemplateResult } from "lit";
import * as preferences from "../preferences.ts";

/** Of a message that is older than this (ms), nobody is told. */
const JUST_NOW = 5 * 60_000;

interface Host {
  requestUpdate(): void;
  /** Tells people what went wrong, or that nothing did. */
  say(problem: string | null): void;
}

export interface Call {
  id: string;
  /** The author's clock, ms since 1970. */
  time: number;
  title: string;
  text: string;
}

export class Bell {
  readonly #host: Host;

  constructor(host: Host) {
    this.#host = host;
  }

  get #on(): boolean {
    return preferences.read("bell") === "on" && Notification.permission === "granted";
  }

  /** Tells of it if nobody sees the page. */
  ring({ id, time, title, text }: Call): void {
    if (!("Notification" in globalThis) || !this.#on || !document.hidden) return;
    if (Math.abs(Date.now() - time) > JUST_NOW) return;
    try {
      const notification = new Notification(title, { body: text.slice(0, 200), tag: `braidcast ${id}` });
      notification.onclick = () => {
        window.focus();
        notification.close();
      };
    } catch {
      // Some phones let only a service worker notify.
    }
  }

  render(): TemplateResult | typeof nothing {
    if (!("Notification" in globalThis)) return nothing;
    return html`<button type="button" class="button quiet bell" aria-pressed=${this.#on} aria-label="Notify me when I am mentioned"
      title="Notify me when I am mentioned" @click=${this.toggle}><svg viewBox="0 0 24 24" width="18" height="18" aria-hidden="true"><path d="M12 3a6 6 0 0 0-6 6v4l-2 3h16l-2-3V9a6 6 0 0 0-6-6Zm-2 15a2 2 0 0 0 4 0" /></svg></button>`;
  }

  /** The browser is asked only when somebody presses the bell. */
  readonly toggle = async (): Promise<void> => {
    const on = !this.#on;
    const allowed = !on || (await Notification.requestPermission()) === "granted";
    if (allowed) preferences.write("bell", on ? "on" : "off");
    this.#host.say(
      allowed
        ? null
        : "The browser does not let this page notify you: allow notifications for it in the browser's settings.",
    );
    this.#host.requestUpdate();
  };
}
