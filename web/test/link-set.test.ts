import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { LinkSet } from "../src/core/link-set.ts";

const TRACES = new URL("../../tests/vectors/links/", import.meta.url);

interface Step {
  event: string;
  now: number;
  peer: string;
  key: string;
  nonce: string;
  name: string;
  role: string;
  purpose: string;
  connection: string;
  reason: Parameters<LinkSet["linkClosed"]>[2];
  up: boolean;
  possible: boolean;
  limit: number;
  actions: unknown[];
  timer: number | null;
}

interface Trace {
  setup: { own: string; limit: number; chance: number[] };
  steps: Step[];
}

const EVENTS: Record<string, (links: LinkSet, step: Step) => void> = {
  introduced: (l, s) => l.introduced(s.peer, s.key, s.nonce, s.name, s.role, s.now),
  want: (l, s) => l.want(s.peer, s.purpose, s.now),
  unwant: (l, s) => l.unwant(s.peer, s.purpose, s.now),
  offer_received: (l, s) => l.offerReceived(s.peer, s.connection, s.now),
  answer_received: (l, s) => l.answerReceived(s.peer, s.connection, s.now),
  refused: (l, s) => l.refused(s.peer, s.connection, s.now),
  link_opened: (l, s) => l.linkOpened(s.peer, s.connection, s.now),
  link_closed: (l, s) => l.linkClosed(s.peer, s.connection, s.reason, s.now),
  link_failed: (l, s) => l.linkFailed(s.peer, s.connection, s.reason, s.now),
  heard: (l, s) => l.heard(s.peer, s.now),
  used: (l, s) => l.used(s.peer, s.now),
  signaling_up: (l, s) => l.signalingUp(s.up, s.now),
  mediated: (l, s) => l.mediated(s.peer, s.possible, s.now),
  departed: (l, s) => l.departed(s.peer, s.now),
  expel: (l, s) => l.expel(s.peer, s.reason, s.now),
  set_limit: (l, s) => l.setLimit(s.limit, s.now),
  leave: (l, s) => l.leave(s.now),
  handle_timer: (l, s) => l.handleTimer(s.now),
};

const files = readdirSync(TRACES).filter((name) => name.endsWith(".json"));

describe("traces of the Python link set", () => {
  test("are there", () => {
    expect(files.length).toBeGreaterThanOrEqual(12);
  });

  test.each(files)("%s is replayed", (file) => {
    const { setup, steps } = JSON.parse(readFileSync(new URL(file, TRACES), "utf8")) as Trace;
    let drawn = 0;
    const chance = (): number => setup.chance[drawn++ % setup.chance.length] as number;
    const links = new LinkSet(setup.own, setup.limit, chance);
    steps.forEach((step, number) => {
      EVENTS[step.event]?.(links, step);
      expect(links.pollActions(), `step ${number}, ${step.event}`).toEqual(step.actions);
      expect(links.nextTimer(), `step ${number}, ${step.event}`).toBe(step.timer);
    });
  });
});

test("what may be known of others is bounded", () => {
  const links = new LinkSet("50".repeat(16), 4, () => 0.5);
  links.signalingUp(true, 0);
  const wanted = "90".repeat(16);
  links.introduced(wanted, "90".repeat(32), "01".repeat(16), "", "viewer", 0);
  links.want(wanted, "braid:00", 0);
  for (let index = 0; index < 5000; index += 1) {
    const peer = index.toString(16).padStart(32, "0");
    links.introduced(peer, peer + peer, peer, "", "viewer", 0);
    links.offerReceived(peer, index.toString(16).padStart(16, "0"), 0);
    links.pollActions();
  }
  expect(links.placesTaken).toBe(4);
  expect(links.introduction(wanted)).not.toBeNull();
  expect(links.introduction("64".padStart(32, "0"))).toBeNull();
});
