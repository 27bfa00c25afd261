/** Files that are chosen, dropped or pasted go into the room, one after the other. */

import type { Room } from "../room.ts";
import { sentence } from "./sentence.ts";

export interface FileSender {
  requestUpdate(): void;
  /** The room that one is in. */
  readonly joined: Room | null;
  /** Tells people what went wrong, or that nothing did. */
  say(problem: string | null): void;
}

export class FileSending {
  readonly #host: FileSender;
  #dropping = false;
  #reading: string | null = null;

  constructor(host: FileSender) {
    this.#host = host;
  }

  /** Files are held over the chat. */
  get dropping(): boolean {
    return this.#dropping;
  }

  /** The name of a file that is being read. */
  get reading(): string | null {
    return this.#reading;
  }

  readonly onChosen = (event: Event): void => {
    const input = event.target as HTMLInputElement;
    const files = [...(input.files ?? [])];
    input.value = "";
    void this.#send(files);
  };

  readonly onDrag = (event: DragEvent): void => {
    if (!(event.dataTransfer?.types.includes("Files") ?? false)) return;
    event.preventDefault();
    this.#setDropping(event.type === "dragover");
  };

  readonly onDrop = (event: DragEvent): void => {
    this.#setDropping(false);
    this.#take(event, event.dataTransfer);
  };

  readonly onPaste = (event: ClipboardEvent): void => this.#take(event, event.clipboardData);

  #take(event: Event, from: DataTransfer | null): void {
    const files = [...(from?.files ?? [])];
    if (files.length === 0) return;
    event.preventDefault();
    void this.#send(files);
  }

  #setDropping(dropping: boolean): void {
    if (dropping === this.#dropping) return;
    this.#dropping = dropping;
    this.#host.requestUpdate();
  }

  async #send(files: readonly File[]): Promise<void> {
    for (const file of files) {
      this.#reading = file.name;
      this.#host.requestUpdate();
      try {
        const room = this.#host.joined;
        if (room === null)
          throw new Error("Not connected to the room, so nothing can be sent at the moment.");
        await room.sendFile(file);
        this.#host.say(null);
      } catch (error) {
        this.#host.say(sentence(error));
      }
      this.#reading = null;
      this.#host.requestUpdate();
    }
  }
}
