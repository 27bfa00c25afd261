import { beforeEach, expect, test, vi } from "vitest";
import { MediaBuffer } from "../src/player/media-buffer.ts";

/** Records what is asked of it; each operation lasts until the test says that it is done. */
class RecordedSourceBuffer extends EventTarget {
  updating = false;
  mode = "";
  timestampOffset = 0;
  ranges: [number, number][] = [];
  full = false;
  readonly log: string[] = [];
  get buffered() {
    return {
      length: this.ranges.length,
      start: (index: number) => this.ranges[index]?.[0],
      end: (index: number) => this.ranges[index]?.[1],
    };
  }
  appendBuffer(data: Uint8Array): void {
    if (this.full) throw new DOMException("full", "QuotaExceededError");
    this.#begin(`append ${[...data.subarray(0, 4)].join(",")} at ${this.timestampOffset}`);
  }
  remove(start: number, end: number): void {
    this.#begin(`remove ${start}-${end}`);
  }
  changeType(mime: string): void {
    this.log.push(`type ${mime}`);
  }
  done(): void {
    this.updating = false;
    this.dispatchEvent(new Event("updateend"));
  }
  #begin(operation: string): void {
    if (this.updating) throw new DOMException("busy", "InvalidStateError");
    this.updating = true;
    this.log.push(operation);
  }
}

class RecordedMediaSource extends EventTarget {
  static last: RecordedMediaSource;
  static isTypeSupported = () => true;
  readyState = "closed";
  duration = Number.NaN;
  readonly buffer = new RecordedSourceBuffer();
  constructor() {
    super();
    RecordedMediaSource.last = this;
  }
  addSourceBuffer(mime: string): RecordedSourceBuffer {
    this.buffer.log.push(`add ${mime}`);
    return this.buffer;
  }
  open(): void {
    this.readyState = "open";
    this.dispatchEvent(new Event("sourceopen"));
  }
}

const video = { currentTime: 0, src: "", removeAttribute() {}, load() {} };
const errors: string[] = [];
let buffer: MediaBuffer;
let source: RecordedMediaSource;

beforeEach(() => {
  vi.stubGlobal("MediaSource", RecordedMediaSource);
  vi.stubGlobal("URL", { createObjectURL: () => "blob:1", revokeObjectURL() {} });
  vi.useFakeTimers();
  errors.length = 0;
  video.currentTime = 0;
  buffer = new MediaBuffer(video as unknown as HTMLVideoElement, (message) => errors.push(message));
  source = RecordedMediaSource.last;
  return () => {
    buffer.close();
    vi.useRealTimers();
    vi.unstubAllGlobals();
  };
});

const data = (...bytes: number[]) => new Uint8Array(bytes);
const MIME = 'video/mp4; codecs="avc1.42c01e,opus"';

/** Opens the source, appends an init segment and forgets that. */
function begin(): RecordedSourceBuffer {
  source.open();
  buffer.init(data(0), "avc1.42c01e,opus");
  source.buffer.done();
  source.buffer.log.length = 0;
  return source.buffer;
}

test("what comes before the source is open waits, in order, and parts go together", () => {
  buffer.init(data(9), "avc1.42c01e,opus");
  buffer.part(data(1), 5, true);
  buffer.part(data(2), 5, false);
  buffer.part(data(3), 7, true);
  expect(source.buffer.log).toEqual([]);
  source.open();
  source.buffer.done();
  source.buffer.done();
  expect(source.buffer.log).toEqual([`add ${MIME}`, "append 9 at 0", "append 1,2 at 5", "append 3 at 7"]);
  expect(source.buffer.mode).toBe("segments");
  expect(source.duration).toBe(Number.POSITIVE_INFINITY);
});

test("other codecs change the type of the buffer before their init segment", () => {
  const sourceBuffer = begin();
  buffer.init(data(8), "avc1.64001f,mp4a.40.2");
  expect(sourceBuffer.log).toEqual(['type video/mp4; codecs="avc1.64001f,mp4a.40.2"', "append 8 at 0"]);
});

test("a full browser buffer is emptied of what was played, and the part is not lost", () => {
  const sourceBuffer = begin();
  sourceBuffer.ranges = [[0, 20]];
  video.currentTime = 15;
  sourceBuffer.full = true;
  buffer.part(data(1), 0, true);
  expect(sourceBuffer.log).toEqual(["remove 0-12"]);
  sourceBuffer.full = false;
  sourceBuffer.done();
  expect(sourceBuffer.log).toEqual(["remove 0-12", "append 1 at 0"]);
  expect(errors).toEqual([]);
});

test("a full buffer of which nothing was played yet is tried again later", () => {
  const sourceBuffer = begin();
  sourceBuffer.ranges = [[0, 20]];
  sourceBuffer.full = true;
  buffer.part(data(1), 0, true);
  buffer.part(data(2), 0, false);
  expect(sourceBuffer.log).toEqual([]);
  sourceBuffer.full = false;
  vi.advanceTimersByTime(1000);
  expect(sourceBuffer.log[0]).toMatch(/^append 1/);
});

test("played seconds are removed, ten are kept, and a long pause does not pile up", () => {
  const sourceBuffer = begin();
  sourceBuffer.ranges = [[0, 20]];
  buffer.trim(11);
  expect(sourceBuffer.log).toEqual([]);
  buffer.trim(19);
  expect(sourceBuffer.log).toEqual(["remove 0-9"]);
  sourceBuffer.done();
  sourceBuffer.ranges = [[9, 60]];
  buffer.trim(19);
  expect(sourceBuffer.log.at(-1)).toBe("remove 0-30");
});

test("the queue is bounded: the oldest part goes, with those that need it, and never an init segment", () => {
  const big = () => new Uint8Array(5 * 1024 * 1024);
  buffer.init(data(9), "avc1.42c01e,opus");
  buffer.part(big().fill(1), 0, true);
  buffer.part(big().fill(2), 0, false);
  buffer.part(big().fill(3), 0, true);
  buffer.part(big().fill(4), 0, false);
  source.open();
  source.buffer.done();
  source.buffer.done();
  source.buffer.done();
  expect(source.buffer.log.slice(1)).toEqual(["append 9 at 0", "append 3,3,3,3 at 0", "append 4,4,4,4 at 0"]);
});

test("media that the browser cannot read is told once, and closing ends everything", () => {
  const sourceBuffer = begin();
  sourceBuffer.dispatchEvent(new Event("error"));
  expect(errors).toHaveLength(1);
  buffer.close();
  buffer.part(data(1), 0, true);
  sourceBuffer.dispatchEvent(new Event("error"));
  expect(errors).toHaveLength(1);
  expect(sourceBuffer.log).toEqual([]);
});
