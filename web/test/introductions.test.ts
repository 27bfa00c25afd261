import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { IntroductionAction } from "../src/core/introduction-actions.ts";
import { Introductions } from "../src/core/introductions.ts";
import type { Role } from "../src/core/neighbour.ts";
import { fromHex, toHex } from "../src/encoding.ts";
import { TAG_PEER, verify } from "../src/identity.ts";
import {
  type PeerRecord,
  PeerRecordError,
  readRecord,
  recordBody,
  signedByPeer,
} from "../src/peer-record.ts";
import { WireError } from "../src/wire.ts";
import {
  decode,
  encode,
  type Introducing,
  type RelayAnswer,
  type RelayCandidate,
  type RelayOffer,
} from "../src/wire-introductions.ts";

const VECTORS = new URL("../../tests/vectors/", import.meta.url);
const SAMPLES = JSON.parse(readFileSync(new URL("introductions.json", VECTORS), "utf8"));
const TRACES = new URL("introductions/", VECTORS);

type Argument = string | number | boolean | string[];
type Step = [event: string, arguments: Argument[], actions: unknown[], timer: number, result: unknown];

interface Trace {
  setup: {
    key: string;
    nonce: string;
    room: string;
    role: Role;
    limit: number;
    wall_ms: number;
    chance: number[];
    now: number;
  };
  counters: number[];
  steps: Step[];
}

const bytes = (value: Argument | undefined): Uint8Array => fromHex(value as string);

const EVENTS: Record<string, (core: Introductions, a: Argument[]) => unknown> = {
  signaling_up: (c, a) => c.signalingUp(a[0] as boolean, a[1] as number),
  link_opened: (c, a) => c.linkOpened(a[0] as string, a[1] as number),
  link_closed: (c, a) => c.linkClosed(a[0] as string, a[1] as boolean, a[2] as number),
  describe: (c, a) => c.describe(a[0] as boolean, a[1] as string[], a[2] as number),
  signed: (c, a) => c.signed(bytes(a[0]), bytes(a[1]), a[2] as number),
  hungry: (c, a) => c.hungry(a[0] as boolean, a[1] as number),
  set_limit: (c, a) => c.setLimit(a[0] as number),
  unreachable: (c, a) => c.unreachable(a[0] as string, a[1] as number),
  expelled: (c, a) => c.expelled(a[0] as string, a[1] as number),
  connection_closed: (c, a) => c.connectionClosed(a[0] as string, a[1] as number),
  send_offer: (c, a) => c.sendOffer(decode(bytes(a[0])) as RelayOffer, a[1] as number),
  send_answer: (c, a) => c.sendAnswer(decode(bytes(a[0])) as RelayAnswer, a[1] as number),
  send_candidate: (c, a) => c.sendCandidate(decode(bytes(a[0])) as RelayCandidate, a[1] as number),
  refuse: (c, a) => c.refuse(a[0] as string, a[1] as number),
  received: (c, a) => c.received(a[0] as string, decode(bytes(a[1])), a[2] as number),
  verified: (c, a) => c.verified(a[0] as number, a[1] as boolean, a[2] as number),
  handle_timer: (c, a) => c.handleTimer(a[0] as number),
};

function plain(action: IntroductionAction): unknown {
  if (action.type === "acquaint") {
    const { peer, record } = action;
    return { type: "acquaint", record: { peer, nonce: toHex(record.nonce), role: record.role } };
  }
  if (action.type === "hand") return { ...action, message: toHex(encode(action.message)) };
  return Object.fromEntries(
    Object.entries(action).map(([name, value]) => [name, value instanceof Uint8Array ? toHex(value) : value]),
  );
}

const files = readdirSync(TRACES);

describe("traces of the Python introductions", () => {
  test("are there", () => expect(files).toHaveLength(5));

  test.each(files)("%s is replayed", (file) => {
    const { setup, steps, counters } = JSON.parse(readFileSync(new URL(file, TRACES), "utf8")) as Trace;
    let drawn = 0;
    const { room, role, limit, wall_ms: wall } = setup;
    const core = new Introductions(
      {
        key: fromHex(setup.key),
        nonce: fromHex(setup.nonce),
        room,
        role,
        limit,
        wall,
        chance: () => setup.chance[drawn++ % setup.chance.length] as number,
      },
      setup.now,
    );
    steps.forEach(([event, args, actions, timer, result], number) => {
      expect(EVENTS[event]?.(core, args) ?? null, `step ${number}, ${event}`).toEqual(result);
      expect(core.pollActions().map(plain), `step ${number}, ${event}`).toEqual(actions);
      expect(core.nextTimer(), `step ${number}, ${event}`).toBe(timer);
    });
    const { taken, forged, stale, ignored } = core.gossip;
    const { relayed, refused, strayed } = core.relaying;
    expect([taken, forged, stale, ignored, relayed, refused, strayed]).toEqual(counters);
  });
});

interface Sample {
  name: string;
  raw: string;
  zeros: number;
  code: number;
  record: { key: string };
  message: { type: string };
}

function fields(record: PeerRecord): Record<string, unknown> {
  const { key, nonce, credential } = record;
  return { ...record, key: toHex(key), nonce: toHex(nonce), credential: toHex(credential) };
}

test.each<Sample>(SAMPLES.records)("record of a $name is read and written", async ({ raw, record }) => {
  const data = fromHex(raw);
  const read = readRecord(data);
  expect(read && { ...fields(read.record), peer: read.peer }).toEqual(record);
  const body = recordBody((read as { record: PeerRecord }).record);
  expect(toHex(body)).toBe(raw.slice(0, -128));
  const signed = signedByPeer(SAMPLES.room, body);
  expect(await verify(fromHex(record.key), TAG_PEER, signed, data.subarray(-64))).toBe(true);
});

test.each<Sample>(SAMPLES.bad_records)("record with $name is refused", ({ raw }) => {
  expect(() => readRecord(fromHex(raw))).toThrow(PeerRecordError);
});

test("records of later versions say nothing, and roles of later versions count as viewer", () => {
  for (const raw of SAMPLES.later) expect(readRecord(fromHex(raw))).toBeNull();
  const raw = fromHex(SAMPLES.records[1].raw);
  raw[2] = 9;
  expect(readRecord(raw)?.record.role).toBe("viewer");
});

test.each<Sample>(SAMPLES.good)("message $name is read and written", ({ raw, message }) => {
  const read = decode(fromHex(raw));
  expect(read.type).toBe(message.type.charAt(0).toLowerCase() + message.type.slice(1));
  expect(toHex(encode(read))).toBe(raw);
});

test.each<Sample>(SAMPLES.refused)("message $name is refused", ({ raw, zeros, code }) => {
  const data = fromHex(raw + "00".repeat(zeros));
  expect(() => decode(data)).toThrow(WireError);
  try {
    decode(data);
  } catch (error) {
    expect((error as WireError).code).toBe(code);
  }
});

test("messages out of their bounds are not written", () => {
  const record = new Uint8Array();
  const bad: Introducing[] = [
    { type: "shuffle", walk: 1, steps: 5, told: [] },
    { type: "peers", walk: 0, told: [{ hops: 0, age: 0, record }] },
    { type: "relayFailed", connection: "00", reason: 1 },
  ];
  for (const message of bad) expect(() => encode(message)).toThrow(RangeError);
  const [first] = SAMPLES.records;
  const { record: good } = readRecord(fromHex(first.raw)) as { record: PeerRecord };
  const many = Array<string>(9).fill("00".repeat(8));
  expect(() => recordBody({ ...good, braids: many })).toThrow(RangeError);
  expect(() => recordBody({ ...good, credential: new Uint8Array(513) })).toThrow(RangeError);
});
