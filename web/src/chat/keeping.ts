/** `<braidcast-chat-keeping>`: takes away what was said, and who one is. It comes when somebody wants that. */

import { html, LitElement, nothing, type TemplateResult } from "lit";
import { exportIdentity, importIdentity, LEAST_PASSPHRASE } from "../identity-export.ts";
import { keptSeed, replaceSeed } from "../kept-identity.ts";
import type { Room } from "../room.ts";
import { asJsonLines, asText, everything, save } from "./history-export.ts";
import { sentence } from "./sentence.ts";

/** It stands in the chat and looks as that does. */
export class ChatKeeping extends LitElement {
  static override properties = { joined: { attribute: false }, room: { attribute: false } };
  declare joined: Room | null;
  /** The room's name. */
  declare room: string;
  #told = "";
  #exported: string | null = null;
  #busy = false;
  /** Importing replaces who one is: it is asked once more. */
  #asked = false;

  constructor() {
    super();
    this.joined = null;
    this.room = "";
  }

  protected override createRenderRoot(): this {
    return this;
  }

  protected override render(): TemplateResult {
    return html`
      <h2>What was said</h2>
      <div class="controls">
        <button type="button" class="button" ?disabled=${this.#busy} @click=${() => this.#export(asText, "txt", "text/plain")}>Save as text</button>
        <button type="button" class="button" ?disabled=${this.#busy} @click=${() => this.#export(asJsonLines, "jsonl", "application/x-ndjson")}>Save as lines of JSON</button>
      </div>
      <h2>Who you are</h2>
      <p>To others you are the key ${this.joined?.id.slice(0, 8)}. Under a passphrase you can take it to another browser, or to a terminal: <code>braidcast identity import</code>. Use it in one place at a time.</p>
      <label class="field">Passphrase <input type="password" class="passphrase" autocomplete="new-password" placeholder="At least ${LEAST_PASSPHRASE} characters"></label>
      <div class="controls"><button type="button" class="button" ?disabled=${this.#busy} @click=${this.#exportIdentity}>Export my identity</button></div>
      ${this.#exported === null ? nothing : this.#taken(this.#exported)}
      <label class="field">Exported identity <textarea class="identity" rows="2" spellcheck="false" autocomplete="off" @input=${this.#onEdit}></textarea></label>
      <div class="controls">
        <button type="button" class="button" ?disabled=${this.#busy} @click=${this.#choose}>Read it from a file</button>
        <button type="button" class="button" ?disabled=${this.#busy} @click=${this.#import}>${this.#asked ? "Become it: are you sure?" : "Import it"}</button>
      </div>
      <input type="file" hidden @change=${this.#onFile}>
      <p role="status">${this.#told}</p>`;
  }

  #taken(text: string): TemplateResult {
    return html`<label class="field">Your identity <textarea class="exported" readonly rows="3">${text}</textarea></label>
      <div class="controls">
        <button type="button" class="button" @click=${() => this.#copy(text)}>Copy it</button>
        <button type="button" class="button" @click=${() => save(`${text}\n`, "braidcast-identity.txt", "text/plain")}>Save it as a file</button>
      </div>`;
  }

  async #export(write: typeof asText, ending: string, type: string): Promise<void> {
    await this.#do(async () => {
      if (this.joined === null) throw new Error("Not connected to the room.");
      const messages = await everything(this.joined, (count) => this.#tell(`${count} messages …`));
      save(write(messages), `${this.room}.${ending}`, type);
      return messages.length === 1 ? "1 message is saved." : `${messages.length} messages are saved.`;
    });
  }

  readonly #exportIdentity = (): Promise<void> =>
    this.#do(async () => {
      const seed = keptSeed();
      if (seed === null)
        throw new Error("The browser lets this page keep nothing, so you are somebody else at each visit.");
      this.#exported = await exportIdentity(seed, this.#passphrase);
      return "Whoever has this text and the passphrase can speak as you.";
    });

  readonly #import = (): Promise<void> =>
    this.#do(async () => {
      const seed = await importIdentity(this.#identity?.value ?? "", this.#passphrase);
      if (!this.#asked) {
        this.#asked = true;
        return "Who you are in this browser now is gone then, unless you have exported it.";
      }
      replaceSeed(seed);
      location.reload();
      return "";
    });

  async #copy(text: string): Promise<void> {
    await this.#do(async () => {
      await navigator.clipboard.writeText(text);
      return "It is copied.";
    });
  }

  /** One thing at a time, whose outcome is told in a sentence. */
  async #do(work: () => Promise<string>): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    this.#tell("");
    try {
      this.#told = await work();
    } catch (error) {
      this.#asked = false;
      this.#told = sentence(error);
    }
    this.#busy = false;
    this.requestUpdate();
    await this.updateComplete;
    this.querySelector("[role=status]")?.scrollIntoView({ block: "nearest" });
  }

  #tell(told: string): void {
    this.#told = told;
    this.requestUpdate();
  }

  get #passphrase(): string {
    return this.querySelector<HTMLInputElement>(".passphrase")?.value ?? "";
  }

  get #identity(): HTMLTextAreaElement | null {
    return this.querySelector<HTMLTextAreaElement>(".identity");
  }

  readonly #onEdit = (): void => {
    if (!this.#asked) return;
    this.#asked = false;
    this.requestUpdate();
  };

  readonly #choose = (): void => this.querySelector<HTMLInputElement>("input[type=file]")?.click();

  readonly #onFile = async (event: Event): Promise<void> => {
    const input = event.target as HTMLInputElement;
    const text = (await input.files?.[0]?.slice(0, 4096).text()) ?? "";
    input.value = "";
    if (this.#identity !== null) this.#identity.value = text.trim();
    this.#onEdit();
  };
}

if (!customElements.get("braidcast-chat-keeping"))
  customElements.define("braidcast-chat-keeping", ChatKeeping);
