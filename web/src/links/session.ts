/** What every link does whatever carries it: HELLO first, BYE last, ERROR for what breaks the protocol. */

import type { LinkReason } from "../core/link-actions.ts";
import {
  decode,
  encode,
  type Hello,
  MALFORMED,
  MAX_MESSAGE,
  type Message,
  PROTOCOL_VERSION,
  peekType,
  TOO_LARGE,
  UNEXPECTED,
  WireError,
} from "../wire.ts";
import { BUFFER_LIMIT, byeCode, byeReason, type Channel, type Link, type LinkEvents } from "./link.ts";

const HELLO = 0x01;
const ERROR = 0x04;
const BYE = 0x05;
const BLOCK = 0x10;
const PROBE = 0x17;

/** Messages that may come on `blocks` before HELLO, which travels on another channel, is here. */
export const EARLY_BLOCKS = 64;

export type Phase = "setup" | "greeting" | "open" | "ended";

/** Our side of the greeting. */
export function hello(agent: string, capabilities: readonly string[] = []): Hello {
  return { type: "hello", version: PROTOCOL_VERSION, capabilities, agent };
}

/** A link of which only the transport is missing. */
export abstract class SessionLink implements Link {
  readonly sentBytes: Record<Channel, number> = { control: 0, blocks: 0 };
  readonly receivedBytes: Record<Channel, number> = { control: 0, blocks: 0 };
  phase: Phase = "setup";
  remoteHello: Hello | null = null;
  /** Code and sentence of the ERROR that ended the link, whoever sent it. */
  error: { code: number; sentence: string } | null = null;
  #early: Uint8Array[] = [];

  constructor(
    readonly peer: string,
    readonly connection: string,
    private readonly greeting: Hello,
    private readonly events: LinkEvents,
  ) {}

  abstract buffered(channel: Channel): number;
  /** Hands a message to the transport; false when it is not open. Never throws. */
  protected abstract transmit(data: Uint8Array, channel: Channel): boolean;
  /** Frees the transport, after what was just sent has had its chance to leave. Called once. */
  protected abstract release(saidBye: boolean): void;

  send(data: Uint8Array, channel: Channel): boolean {
    if (data.length > MAX_MESSAGE) {
      throw new RangeError(`A message has at most ${MAX_MESSAGE} bytes, not ${data.length}.`);
    }
    if (this.phase !== "open" || this.buffered(channel) + data.length > BUFFER_LIMIT) return false;
    return this.#put(data, channel);
  }

  close(reason: LinkReason = "leaving"): void {
    if (this.phase !== "ended") this.#end(encode({ type: "bye", reason: byeCode(reason) }));
  }

  fail(code: number, sentence: string): void {
    if (this.phase === "ended") return;
    this.error = { code, sentence };
    this.#end(encode({ type: "error", code, sentence }));
  }

  // For the transport.

  protected channelsOpened(): void {
    if (this.phase !== "setup") return;
    this.phase = "greeting";
    this.#put(encode(this.greeting), "control");
  }

  /** A message came. Whatever it does to us, it ends this link at most. */
  protected arrived(data: Uint8Array | string, channel: Channel): void {
    if (this.phase === "ended") return;
    try {
      this.#take(data, channel);
    } catch (error) {
      if (error instanceof WireError) {
        this.fail(error.code, error.sentence);
      } else {
        reportError(error);
        this.close("protocol-error");
      }
      this.events.closed(this, "protocol-error");
    }
  }

  protected drained(channel: Channel): void {
    if (this.phase === "open") this.events.drained(this, channel);
  }

  /** The transport ended, or could not be made. */
  protected lost(reason: LinkReason): void {
    if (this.phase === "ended") return;
    this.#end(null);
    this.events.closed(this, reason);
  }

  // Inside.

  #take(data: Uint8Array | string, channel: Channel): void {
    if (typeof data === "string") {
      throw new WireError(MALFORMED, "A text came where the protocol has bytes.");
    }
    this.receivedBytes[channel] += data.length;
    if (data.length > MAX_MESSAGE) {
      throw new WireError(TOO_LARGE, `A message has at most ${MAX_MESSAGE} bytes, not ${data.length}.`);
    }
    if (data.length === 0) throw new WireError(MALFORMED, "The message is empty.");
    const type = peekType(data);
    if (channel === "blocks") {
      this.#takeBlock(data, type);
    } else if (type === HELLO || type === ERROR || type === BYE) {
      this.#converse(decode(data));
    } else if (type === BLOCK) {
      throw new WireError(UNEXPECTED, "A block came on the channel for control messages.");
    } else if (this.phase !== "open") {
      throw new WireError(UNEXPECTED, "The first message of a link is HELLO.");
    } else {
      this.events.message(this, data, channel);
    }
  }

  #takeBlock(data: Uint8Array, type: number): void {
    if (type !== BLOCK && type !== PROBE && decode(data) !== null) {
      throw new WireError(UNEXPECTED, "A control message came on the channel for blocks.");
    }
    if (this.phase === "open") this.events.message(this, data, "blocks");
    else if (this.#early.length < EARLY_BLOCKS) this.#early.push(data);
  }

  #converse(message: Message | null): void {
    if (message?.type === "hello") {
      this.#greeted(message);
    } else if (message?.type === "error") {
      this.error = { code: message.code, sentence: message.sentence };
      this.#end(null);
      this.events.closed(this, "protocol-error");
    } else if (message?.type === "bye") {
      this.#end(null);
      this.events.closed(this, byeReason(message.reason));
    }
  }

  #greeted(message: Hello): void {
    if (this.remoteHello !== null) throw new WireError(UNEXPECTED, "HELLO came a second time.");
    // Their channel may open before ours is told to: ours is as good as open then.
    this.channelsOpened();
    this.remoteHello = message;
    this.phase = "open";
    this.events.opened(this);
    const early = this.#early;
    this.#early = [];
    for (const data of early) if (this.phase === "open") this.events.message(this, data, "blocks");
  }

  #put(data: Uint8Array, channel: Channel): boolean {
    const taken = this.transmit(data, channel);
    if (taken) this.sentBytes[channel] += data.length;
    return taken;
  }

  #end(last: Uint8Array | null): void {
    const talking = this.phase === "greeting" || this.phase === "open";
    const said = last !== null && talking && this.#put(last, "control");
    this.phase = "ended";
    this.#early = [];
    this.release(said);
  }
}
