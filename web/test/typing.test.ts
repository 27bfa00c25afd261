import { expect, test } from "vitest";
import { Typing } from "../src/core/chat-typing.ts";
import { fromHex } from "../src/encoding.ts";
import { decodeTyping, encodeTyping } from "../src/wire-typing.ts";
import { type Vector, vectors } from "./vectors.ts";

const known: Vector = vectors("typing.json");

test("who is writing is known as Python knows it", () => {
  const typing = new Typing();
  const events: Record<string, (step: Vector) => unknown> = {
    writes: ({ on, now }) => typing.writes(on, now),
    sent: () => typing.sent(),
    heard: ({ peer, on, now }) => typing.heard(peer, on, now),
    stopped: ({ peer }) => typing.stopped(peer),
    handle_timer: ({ now }) => typing.handleTimer(now),
  };
  for (const step of known.steps) {
    expect(events[step.event]?.(step) ?? null).toBe(step.answer);
    expect(typing.peers(step.now)).toEqual(step.peers);
    expect(typing.nextTimer()).toBe(step.timer);
  }
});

test.each(known.messages as Vector[])("$data is read as Python reads it", ({ data, on }: Vector) => {
  if (on === null) expect(() => decodeTyping(fromHex(data))).toThrow("one byte");
  else expect([decodeTyping(fromHex(data)), encodeTyping(on)]).toEqual([on, fromHex(data)]);
});
