import { afterEach, expect, test, vi } from "vitest";
import { Bell } from "../src/chat/bell.ts";
import { anotherKey, Called } from "../src/chat/names.ts";

const [ANA, BOB, CY] = ["a", "b", "c"].map((digit) => digit.repeat(32)) as [string, string, string];

test("people are called as they were last, and a shared name is seen", () => {
  const roster = [
    { peer: CY, name: "Cy" },
    { peer: BOB, name: "Robert" },
  ];
  const messages = [
    { id: "1", author: ANA, name: "Ana" },
    { id: "2", author: BOB, name: " ana " },
    { id: "3", author: BOB, name: "Bob" },
  ];
  const called = new Called(roster, messages);
  expect([...called.people(CY)]).toEqual([
    [BOB, "Bob"],
    [ANA, "Ana"],
  ]);
  expect(called.isShared({ author: ANA, name: "Ana" })).toBe(true);
  expect(called.isShared({ author: BOB, name: "ａｎａ" })).toBe(true);
  expect(called.isShared({ author: BOB, name: "Bob" })).toBe(false);
  expect(called.isShared({ author: CY, name: "Nobody" })).toBe(false);
});

test("who takes the name of somebody who is here is told apart at once", () => {
  const called = new Called([{ peer: ANA, name: "Ana" }], []);
  expect(called.isShared({ author: BOB, name: "Ana" })).toBe(true);
});

test("a name that has another key than before is told once, at its first message", () => {
  const said = [ANA, ANA, BOB, BOB, ANA, CY].map((author, at) => ({ id: `${at}`, author, name: "Ana" }));
  const nameless = [ANA, BOB].map((author) => ({ id: author, author, name: " " }));
  const called = new Called([{ peer: CY, name: "Ana" }], [...said, ...nameless]);
  expect(said.map((message) => called.before(message))).toEqual([null, null, ANA, null, null, BOB]);
  expect(nameless.map((message) => called.before(message))).toEqual([null, null]);
  expect(anotherKey({ author: BOB, name: "Ana" }, ANA)).toBe(
    "“Ana” has another key than before: bbbbbbbb, not aaaaaaaa. It may be somebody else.",
  );
});

test("a mention shows the name of now, and the old one of somebody unknown", () => {
  const called = new Called([{ peer: ANA, name: "Anna" }], []);
  expect(called.readable(`@[Ana](${ANA}) and @[Bob](${BOB})`)).toBe("@Anna and @Bob");
});

class Notified {
  static permission = "default";
  static all: Notified[] = [];
  static asked = 0;
  static async requestPermission(): Promise<string> {
    Notified.asked += 1;
    return Notified.permission;
  }
  onclick: (() => void) | null = null;
  constructor(
    readonly title: string,
    readonly options: { body: string },
  ) {
    Notified.all.push(this);
  }
}

function bell(hidden: boolean): { bell: Bell; said: (string | null)[] } {
  const kept = new Map<string, string>();
  vi.stubGlobal("Notification", Notified);
  vi.stubGlobal("document", { hidden });
  vi.stubGlobal("localStorage", {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => kept.set(key, value),
  });
  const said: (string | null)[] = [];
  return { bell: new Bell({ requestUpdate: () => undefined, say: (problem) => said.push(problem) }), said };
}

afterEach(() => {
  vi.unstubAllGlobals();
  Notified.all = [];
  Notified.asked = 0;
  Notified.permission = "default";
});

function call(age = 0): { id: string; time: number; title: string; text: string } {
  return { id: "1", time: Date.now() - age, title: "Ana in team", text: "look" };
}

test("nobody is asked, and nothing rings, before the bell is pressed", () => {
  const { bell: it } = bell(true);
  it.ring(call());
  expect([Notified.asked, Notified.all]).toEqual([0, []]);
});

test("a hidden page rings once the bell was pressed, for what was said just now", async () => {
  const { bell: it, said } = bell(true);
  Notified.permission = "granted";
  await it.toggle();
  it.ring(call());
  it.ring(call(3_600_000));
  expect(Notified.all.map(({ title, options }) => [title, options.body])).toEqual([["Ana in team", "look"]]);
  await it.toggle();
  it.ring(call());
  expect([Notified.asked, Notified.all.length, said]).toEqual([1, 1, [null, null]]);
});

test("a page that is seen does not ring", async () => {
  const { bell: it } = bell(false);
  Notified.permission = "granted";
  await it.toggle();
  it.ring(call());
  expect(Notified.all).toEqual([]);
});

test("a browser that does not allow it is told of", async () => {
  const { bell: it, said } = bell(true);
  Notified.permission = "denied";
  await it.toggle();
  it.ring(call());
  expect(Notified.all).toEqual([]);
  expect(said).toHaveLength(1);
  expect(said[0]).toContain("does not let this page notify you");
});
