import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type ChatAction, ChatLog } from "../src/core/chat-log.ts";
import { ChatError } from "../src/core/chat-message.ts";
import { fromHex, toHex } from "../src/encoding.ts";
import { decode } from "../src/wire.ts";

const TRACES = new URL("../../tests/vectors/chat/", import.meta.url);

interface Step {
  event: string;
  now: number;
  peer: string;
  data: string;
  token: number;
  ok: boolean;
  text: string;
  name: string;
  wall_ms: number;
  draft: [header: string, body: string];
  signature: string;
  error?: string;
  actions: unknown[];
  timer: number | null;
}

interface Trace {
  setup: { room: string; key: string; limits: Record<string, unknown> };
  steps: Step[];
  messages: unknown[];
  counters: Record<string, number>;
}

const EVENTS: Record<string, (log: ChatLog, step: Step) => void> = {
  link_opened: (log, step) => log.linkOpened(step.peer, step.now),
  link_closed: (log, step) => log.linkClosed(step.peer, step.now),
  received: (log, step) => {
    const message = decode(fromHex(step.data));
    if (message?.type !== "chatMessage" && message?.type !== "chatHave" && message?.type !== "chatWant") {
      throw new Error(`Not of the chat: ${message?.type}`);
    }
    log.received(step.peer, message, step.now);
  },
  verified: (log, step) => log.verified(step.token, step.ok, step.now),
  compose: (log, step) => {
    const compose = () => log.compose(step.text, step.name, step.wall_ms, step.now);
    if (step.error === undefined) {
      const { header, body } = compose();
      expect([toHex(header), toHex(body)]).toEqual(step.draft);
    } else {
      expect(compose).toThrow(ChatError);
      expect(compose).toThrow(step.error);
    }
  },
  said: (log, step) => {
    const [header, body] = step.draft;
    log.said({ header: fromHex(header), body: fromHex(body) }, fromHex(step.signature), step.now);
  },
  handle_timer: (log, step) => log.handleTimer(step.now),
};

function camel(name: string): string {
  return name.replace(/_[a-z]/g, (found) => found.slice(1).toUpperCase());
}

function camelKeys(values: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [camel(name), value]));
}

/** An action as the trace has it: bytes as hex digits. */
function plain(action: ChatAction): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(action).map(([name, value]) => [name, value instanceof Uint8Array ? toHex(value) : value]),
  );
}

const files = readdirSync(TRACES).filter((name) => name.endsWith(".json"));

describe("traces of the Python log", () => {
  test("are there", () => {
    expect(files.length).toBeGreaterThanOrEqual(12);
  });

  test.each(files)("%s is replayed", (file) => {
    const { setup, steps, messages, counters } = JSON.parse(
      readFileSync(new URL(file, TRACES), "utf8"),
    ) as Trace;
    const log = new ChatLog(setup.room, fromHex(setup.key), camelKeys(setup.limits));
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
