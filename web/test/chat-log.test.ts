import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type Act, ChatError } from "../src/core/chat-acts.ts";
import { ChatLog } from "../src/core/chat-log.ts";
import type { Draft } from "../src/core/chat-message.ts";
import type { Measure } from "../src/core/measures.ts";
import type { SharedFile } from "../src/core/shared-file.ts";
import { fromHex, toHex } from "../src/encoding.ts";
import type { ChatMessage, OfChat } from "../src/wire.ts";
import { decodeChat } from "../src/wire-chat.ts";

const TRACES = new URL("../../tests/vectors/chat/", import.meta.url);

type RawPlace = [clock: number, author: string, id: string];

interface Step {
  event: string;
  now: number;
  peer: string;
  company: number;
  data: string;
  token: number;
  ok: boolean;
  text: string;
  name: string;
  wall_ms: number;
  keep: number;
  reply: string | null;
  file: SharedFile | null;
  act: Act;
  measure: Measure;
  measures: string[];
  draft: [header: string, body: string];
  signature: string;
  error?: string;
  messages: string[];
  ids: string[];
  before: RawPlace | null;
  forgotten: RawPlace | null;
  places: RawPlace[];
  place: RawPlace;
  actions: unknown[];
  timer: number | null;
}

interface Trace {
  setup: {
    room: string;
    key: string;
    limits: Record<string, unknown>;
    stored: boolean;
    owner: string | null;
  };
  steps: Step[];
  messages: unknown[];
  counters: Record<string, number>;
}

const EVENTS: Record<string, (log: ChatLog, step: Step) => void> = {
  link_opened: (log, step) => log.linkOpened(step.peer, step.now, step.company),
  link_closed: (log, step) => log.linkClosed(step.peer, step.now),
  received: (log, step) => {
    log.received(step.peer, ofChat(step.data), step.now);
  },
  verified: (log, step) => log.verified(step.token, step.ok, step.now),
  compose: (log, step) => {
    composes(step, () => log.compose(step.text, step.name, step.wall_ms, step.now, step.reply, step.file));
  },
  compose_act: (log, step) => {
    composes(step, () => log.composeAct(step.act, step.wall_ms, step.now));
  },
  done: (log, step) => {
    const [header, body] = step.draft;
    log.done({ header: fromHex(header), body: fromHex(body) }, fromHex(step.signature), step.now);
  },
  said: (log, step) => {
    const [header, body] = step.draft;
    log.said({ header: fromHex(header), body: fromHex(body) }, fromHex(step.signature), step.now);
  },
  compose_measure: (log, step) => {
    composes(step, () => log.composeMeasure(step.measure, step.wall_ms, step.now));
  },
  compose_checkpoint: (log, step) => {
    composes(step, () => log.composeCheckpoint(step.keep, step.wall_ms, step.now));
  },
  restore: (log, step) => {
    const measures = messagesOf({ messages: step.measures });
    log.restore(messagesOf(step), step.before, step.forgotten, measures, step.places);
  },
  forgotten: (log, step) => log.forgotten(step.place),
  recalled: (log, step) => log.recalled(step.token, messagesOf(step), step.now),
  looked_up: (log, step) => log.lookedUp(step.token, step.ids, step.now),
  ask_before: (log, step) => void log.askBefore(step.ids, step.now),
  ask_missing: (log, step) => void log.askMissing(step.ids, step.now),
  handle_timer: (log, step) => log.handleTimer(step.now),
};

function composes(step: Step, compose: () => Draft): void {
  if (step.error === undefined) {
    const { header, body } = compose();
    expect([toHex(header), toHex(body)]).toEqual(step.draft);
  } else {
    expect(compose).toThrow(ChatError);
    expect(compose).toThrow(step.error);
  }
}

function ofChat(data: string): OfChat {
  const message = decodeChat(fromHex(data));
  if (message === null) throw new Error("This is not of the chat.");
  return message;
}

function messagesOf(step: Pick<Step, "messages">): ChatMessage[] {
  return step.messages.map((data) => ofChat(data) as ChatMessage);
}

function camel(name: string): string {
  return name.replace(/_[a-z]/g, (found) => found.slice(1).toUpperCase());
}

function camelKeys(values: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [camel(name), value]));
}

/** An action as the trace has it: bytes as hex digits, types in lower case. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return toHex(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => [
      name,
      name === "type" ? String(field).toLowerCase() : plain(field),
    ]),
  );
}

const files = readdirSync(TRACES).filter((name) => name.endsWith(".json"));

describe("traces of the Python log", () => {
  test("are there", () => {
    expect(files.length).toBeGreaterThanOrEqual(15);
  });

  test.each(files)("%s is replayed", (file) => {
    const { setup, steps, messages, counters } = JSON.parse(
      readFileSync(new URL(file, TRACES), "utf8"),
    ) as Trace;
    const owner = setup.owner === null ? null : fromHex(setup.owner);
    const log = new ChatLog(setup.room, fromHex(setup.key), camelKeys(setup.limits), setup.stored, owner);
    steps.forEach((step, number) => {
      const event = EVENTS[step.event];
      if (event === undefined) throw new Error(`unknown event ${step.event}`);
      event(log, step);
      expect(log.pollActions().map(plain), `step ${number}, ${step.event}`).toEqual(step.actions);
      expect(log.nextTimer(), `step ${number}, ${step.event}`).toBe(step.timer);
    });
    expect(log.messages()).toEqual(messages);
    expect({ ...log.counters }).toEqual(camelKeys(counters));
  });
});
