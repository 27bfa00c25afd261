import { type Range, rangesOf } from "./ranges.ts";

/** iPhones have only the managed kind, which is the same to us. */
interface MediaSourceScope {
  MediaSource?: typeof MediaSource;
  ManagedMediaSource?: typeof MediaSource;
}

type Operation =
  | { type: "init"; data: Uint8Array; mime: string }
  | { type: "media"; data: Uint8Array; offset: number; independent: boolean }
  | { type: "remove"; start: number; end: number };

/** Played seconds that are kept. */
const BEHIND = 10;
/** Seconds that are kept at most, however long the viewer pauses. */
const AT_MOST = 30;
/** Bytes that may wait for the source buffer. */
const QUEUE = 16 * 1024 * 1024;
/** Parts that wait are appended together up to this size: each append costs a turn of the event loop. */
const TOGETHER = 512 * 1024;
const RETRY = 250;
/** Seconds between key frames at most; publishers keep to 2 s. */
const LONGEST_GROUP = 3;

export function mediaSourceClass(): typeof MediaSource | null {
  const scope = globalThis as MediaSourceScope;
  return scope.MediaSource ?? scope.ManagedMediaSource ?? null;
}

export function canPlay(codecs: string): boolean {
  return mediaSourceClass()?.isTypeSupported(mimeOf(codecs)) === true;
}

function mimeOf(codecs: string): string {
  return `video/mp4; codecs="${codecs}"`;
}

/**
 * A video element's Media Source, fed with init segments and parts in order. Appends are queued and the queue is bounded;
 * what was played is removed; a full browser buffer makes room by itself.
 */
export class MediaBuffer {
  readonly #video: HTMLVideoElement;
  readonly #source: MediaSource;
  readonly #url: string;
  readonly #onError: (message: string) => void;
  #buffer: SourceBuffer | null = null;
  #mime = "";
  #queue: Operation[] = [];
  #waiting = 0;
  #closed = false;
  #retry: ReturnType<typeof setTimeout> | null = null;

  /** Throws where the browser has no Media Source Extensions. */
  constructor(video: HTMLVideoElement, onError: (message: string) => void) {
    const Source = mediaSourceClass();
    if (Source === null) throw new Error("This browser has no Media Source Extensions.");
    this.#video = video;
    this.#onError = onError;
    this.#source = new Source();
    this.#source.addEventListener("sourceopen", this.#pump, { once: true });
    this.#url = URL.createObjectURL(this.#source);
    video.disableRemotePlayback = true; // a managed source opens only so
    video.src = this.#url;
  }

  get ranges(): Range[] {
    try {
      return this.#buffer === null ? [] : rangesOf(this.#buffer.buffered);
    } catch {
      return []; // the buffer was removed because the element failed; its error is told elsewhere
    }
  }

  init(data: Uint8Array, codecs: string): void {
    this.#enqueue({ type: "init", data, mime: mimeOf(codecs) });
  }

  part(data: Uint8Array, offset: number, independent: boolean): void {
    this.#enqueue({ type: "media", data, offset, independent });
  }

  /** Lets go of what was played more than 10 s before `position`, and of what a pause has piled up. */
  trim(position: number): void {
    const ranges = this.ranges;
    const first = ranges[0]?.start;
    const last = ranges.at(-1)?.end;
    if (first === undefined || last === undefined) return;
    const end = Math.max(position - BEHIND, last - AT_MOST);
    // Removing works on whole groups of pictures; seldom and more is cheaper than often and little.
    if (end > first + 2 && !this.#queue.some((waiting) => waiting.type === "remove")) {
      this.#queue.unshift({ type: "remove", start: 0, end });
      this.#pump();
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#queue = [];
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#source.removeEventListener("sourceopen", this.#pump);
    this.#buffer?.removeEventListener("updateend", this.#pump);
    this.#buffer?.removeEventListener("error", this.#onBufferError);
    URL.revokeObjectURL(this.#url);
    if (this.#video.src === this.#url) {
      this.#video.removeAttribute("src");
      this.#video.load();
    }
  }

  readonly #onBufferError = (): void => this.#fail("The browser could not read the stream's media data.");

  #enqueue(operation: Operation): void {
    if (this.#closed) return;
    this.#queue.push(operation);
    if (operation.type === "media") this.#waiting += operation.data.byteLength;
    while (this.#waiting > QUEUE) this.#shed();
    this.#pump();
  }

  /** Drops the oldest waiting part and what depends on it; init segments stay. */
  #shed(): void {
    const kept: Operation[] = [];
    let dropping: "first" | "dependent" | "done" = "first";
    for (const operation of this.#queue) {
      if (operation.type === "media" && dropping !== "done") {
        if (dropping === "first" || !operation.independent) {
          dropping = "dependent";
          this.#waiting -= operation.data.byteLength;
          continue;
        }
        dropping = "done";
      }
      kept.push(operation);
    }
    this.#queue = kept;
  }

  readonly #pump = (): void => {
    if (this.#closed || this.#source.readyState !== "open" || this.#buffer?.updating === true) return;
    const operation = this.#queue.shift();
    if (operation === undefined) return;
    try {
      this.#start(operation);
    } catch (error) {
      if (error instanceof DOMException && error.name === "QuotaExceededError") this.#makeRoom(operation);
      else this.#fail("The browser refused the stream's media data.");
    }
  };

  #start(operation: Operation): void {
    if (operation.type === "init") {
      const buffer = this.#bufferFor(operation.mime);
      buffer.appendBuffer(bytes(operation.data));
      return;
    }
    if (this.#buffer === null) {
      this.#pump(); // nothing can be done with parts before their init segment
      return;
    }
    if (operation.type === "remove") {
      this.#buffer.remove(operation.start, operation.end);
      return;
    }
    const data = this.#together(operation);
    try {
      if (this.#buffer.timestampOffset !== operation.offset) this.#buffer.timestampOffset = operation.offset;
      this.#buffer.appendBuffer(bytes(data));
      this.#waiting -= data.byteLength;
    } catch (error) {
      operation.data = data;
      throw error;
    }
  }

  /** The data of `operation` and of the parts right behind it that go to the same place, taken off the queue. */
  #together(operation: Extract<Operation, { type: "media" }>): Uint8Array {
    const run = [operation.data];
    let size = operation.data.byteLength;
    for (let next = this.#queue[0]; next?.type === "media"; next = this.#queue[0]) {
      if (next.offset !== operation.offset || size + next.data.byteLength > TOGETHER) break;
      this.#queue.shift();
      run.push(next.data);
      size += next.data.byteLength;
    }
    if (run.length === 1) return operation.data;
    const joined = new Uint8Array(size);
    let at = 0;
    for (const data of run) {
      joined.set(data, at);
      at += data.byteLength;
    }
    return joined;
  }

  #bufferFor(mime: string): SourceBuffer {
    if (this.#buffer === null) {
      this.#source.duration = Number.POSITIVE_INFINITY;
      this.#buffer = this.#source.addSourceBuffer(mime);
      this.#buffer.mode = "segments";
      this.#buffer.addEventListener("updateend", this.#pump);
      this.#buffer.addEventListener("error", this.#onBufferError);
    } else if (mime !== this.#mime) {
      this.#buffer.changeType(mime);
    }
    this.#mime = mime;
    return this.#buffer;
  }

  /** The browser's buffer is full: remove what was played and try again; failing that, wait for the playhead. */
  #makeRoom(operation: Operation): void {
    this.#queue.unshift(operation);
    const first = this.ranges[0]?.start;
    // Removing goes on to the next key frame, which must not be one behind the playhead.
    const played = this.#video.currentTime - LONGEST_GROUP;
    if (this.#buffer !== null && first !== undefined && played > first + 0.5) {
      this.#buffer.remove(0, played);
      return;
    }
    this.#retry ??= setTimeout(() => {
      this.#retry = null;
      this.#pump();
    }, RETRY);
  }

  #fail(message: string): void {
    if (this.#closed) return;
    this.#onError(message);
  }
}

/** `appendBuffer` is typed for unshared memory, which all of ours is. */
function bytes(data: Uint8Array): BufferSource {
  return data as Uint8Array<ArrayBuffer>;
}
