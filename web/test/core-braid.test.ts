import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { sha256 } from "@noble/hashes/sha2.js";
import { expect, test } from "vitest";
import type { Action } from "../src/core/actions.ts";
import { Braid } from "../src/core/braid.ts";
import { UploadRate } from "../src/core/probing.ts";
import { concatBytes, fromBase64url, fromHex, toHex } from "../src/encoding.ts";
import { TAG_SEAL } from "../src/signing.ts";
import { decode } from "../src/wire.ts";

// The traces are recorded from the Python core by tests/vectors/record_braid.py, which describes them.

const FOLDER = join(import.meta.dirname, "../../tests/vectors/braid");

type Json = string | number | boolean | null | Json[];

interface Trace {
  setup: {
    me: string;
    publisher: string;
    key: string;
    braid: string;
    stripes: number;
    part_duration: number;
    epoch: number;
    now: number;
    delivers: boolean;
    carries: boolean;
    origins: boolean;
    /** It is to find out what its upload carries. */
    upload?: boolean;
  };
  /** Event, its arguments, the actions that follow, the next timer. */
  steps: [string, Json[], Json[][], number][];
  end: { counters: Record<string, number>; parents: Json[]; children: Json[][]; window: number[] };
  blobs: string[];
}

/** Byte strings by their place in the trace, and back. */
class Blobs {
  readonly #blobs: Uint8Array[];
  readonly #places: Map<string, number>;

  constructor(texts: string[]) {
    this.#blobs = texts.map(fromBase64url);
    this.#places = new Map(this.#blobs.map((blob, place) => [toHex(blob), place]));
  }

  at(place: Json | undefined): Uint8Array {
    return this.#blobs[place as number] as Uint8Array;
  }

  place(blob: Uint8Array): Json {
    return this.#places.get(toHex(blob)) ?? `unknown bytes ${toHex(blob)}`;
  }
}

function camel(name: string): string {
  return name.replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase());
}

function happen(core: Braid, event: string, given: Json[], blobs: Blobs): void {
  const now = given.at(-1) as number;
  switch (event) {
    case "received": {
      const raw = blobs.at(given[1]);
      const message = decode(raw);
      if (message === null) throw new Error("The trace has a message of an unknown type.");
      core.received(given[0] as string, message, raw, now);
      break;
    }
    case "joined": {
      const parts = given[0] as [number, number][];
      core.joined(
        parts.map(([seal, part]) => [blobs.at(seal), blobs.at(part)]),
        now,
      );
      break;
    }
    case "fetched":
      core.fetched(given[0] as number, blobs.at(given[1]), blobs.at(given[2]), now);
      break;
    case "publish":
      core.publish(blobs.at(given[0]), blobs.at(given[1]), now);
      break;
    default: {
      const method = core[camel(event) as keyof Braid] as (...given: Json[]) => void;
      method.apply(core, given);
    }
  }
}

function asJson(action: Action, blobs: Blobs): Json[] {
  const { type } = action;
  switch (type) {
    case "send":
      return [type, action.peer, blobs.place(action.data), action.channel];
    case "verify":
      expect(action.tag).toEqual(TAG_SEAL);
      return [type, action.token, blobs.place(concatBytes(action.data, action.signature))];
    case "reject":
      return [type, action.peer, action.reason, action.sentence];
    case "equivocation":
      return [type, blobs.place(action.first), blobs.place(action.second)];
    case "deliver":
      return [type, blobs.place(action.seal), toHex(sha256(action.data).subarray(0, 8))];
    case "gap":
      return [type, action.parts];
    case "join":
      return [type];
    case "fetch":
      return [type, action.epoch, action.number];
    case "links":
      return [type, [...action.peers]];
    case "parity":
      return [type, action.wanted];
    case "report":
      return [
        type,
        [...action.parents],
        [...action.lost],
        [...action.failed],
        action.receivedFrom.map((entry) => [...entry]),
        action.loss,
        action.slots,
        [...action.harmful],
      ];
  }
}

const names = readdirSync(FOLDER).filter((name) => name.endsWith(".json"));

test("there are traces", () => expect(names.length).toBeGreaterThan(20));

test.each(names)("the browser's core lives %s as Python's did", (name) => {
  const trace = JSON.parse(readFileSync(join(FOLDER, name), "utf8")) as Trace;
  const blobs = new Blobs(trace.blobs);
  const { upload = false, ...setup } = trace.setup;
  const core = new Braid(setup.me, setup.publisher, fromHex(setup.key), setup.braid, {
    ...setup,
    partDuration: setup.part_duration,
    ...(upload && { upload: new UploadRate() }),
  });
  for (const [number, [event, given, actions, timer]] of trace.steps.entries()) {
    happen(core, event, given, blobs);
    const done = core.pollActions().map((action) => asJson(action, blobs));
    expect({ number, event, done, timer: core.nextTimer() }).toEqual({ number, event, done: actions, timer });
  }
  const counters = Object.fromEntries(
    Object.entries(trace.end.counters).map(([key, value]) => [camel(key), value]),
  );
  expect({ ...core.counters }).toEqual(counters);
  expect(core.stripeParents()).toEqual(trace.end.parents);
  expect(core.stripeChildren()).toEqual(trace.end.children);
  const { epoch, oldest, newest, bytesHeld } = core.window;
  expect([epoch, oldest, newest, bytesHeld]).toEqual(trace.end.window);
});
