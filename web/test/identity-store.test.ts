import { expect, onTestFinished, test, vi } from "vitest";
import { fromBase64url } from "../src/encoding.ts";
import { loadFrom, loadOrCreate, type Surroundings } from "../src/identity-store.ts";

class MemoryStorage {
  readonly kept = new Map<string, string>();
  getItem(name: string): string | null {
    return this.kept.get(name) ?? null;
  }
  setItem(name: string, value: string): void {
    this.kept.set(name, value);
  }
}

/** Locks as a browser has them, and a way to close the tab that holds one. */
class Locks {
  private readonly held = new Map<string, () => void>();
  private readonly waiting: (() => void)[] = [];

  async request(name: string, options: LockOptions, hold: (lock: Lock | null) => unknown): Promise<unknown> {
    while (this.held.has(name)) {
      if (options.ifAvailable) return hold(null);
      await new Promise<void>((resolve, reject) => {
        this.waiting.push(resolve);
        options.signal?.addEventListener("abort", () => reject(new Error("AbortError")));
      });
    }
    await new Promise<void>((release) => {
      this.held.set(name, release);
      void hold({ name, mode: "exclusive" });
    });
    return undefined;
  }

  close(slot: number): void {
    const name = `braidcast.identity.${slot}`;
    this.held.get(name)?.();
    this.held.delete(name);
    for (const again of this.waiting.splice(0)) again();
  }
}

type Channel = ReturnType<NonNullable<Surroundings["channel"]>>;

/** One BroadcastChannel for all tabs: everybody but the sender hears. */
class Air {
  private readonly channels: Channel[] = [];

  open(): Channel {
    const channel: Channel = {
      onmessage: null,
      postMessage: (data: unknown) => {
        for (const other of this.channels) {
          if (other !== channel) {
            queueMicrotask(() => other.onmessage?.call(other as BroadcastChannel, { data } as MessageEvent));
          }
        }
      },
    };
    this.channels.push(channel);
    return channel;
  }

  close(index: number): void {
    this.channels.splice(index, 1);
  }
}

function tab(browser: { local: MemoryStorage; locks?: Locks; air?: Air }, session = new MemoryStorage()) {
  const { local, locks, air } = browser;
  const surroundings: Surroundings = { local, session };
  if (locks !== undefined) surroundings.locks = locks as unknown as NonNullable<Surroundings["locks"]>;
  if (air !== undefined) surroundings.channel = () => air.open();
  return surroundings;
}

const browsers = [
  ["locks", () => ({ local: new MemoryStorage(), locks: new Locks() })],
  ["asking", () => ({ local: new MemoryStorage(), air: new Air() })],
] as const;

function closeFirst(browser: ReturnType<(typeof browsers)[number][1]>): void {
  if ("locks" in browser) browser.locks.close(0);
  else browser.air.close(0);
}

test.each(browsers)("by %s: a reloaded tab is the same peer", async (_, open) => {
  const browser = open();
  const session = new MemoryStorage();
  const before = await loadFrom(tab(browser, session));
  closeFirst(browser);
  expect((await loadFrom(tab(browser, session))).id).toBe(before.id);
});

test.each(browsers)("by %s: a tab opened later is the same peer again", async (_, open) => {
  const browser = open();
  const before = await loadFrom(tab(browser));
  closeFirst(browser);
  expect((await loadFrom(tab(browser))).id).toBe(before.id);
  expect(fromBase64url(browser.local.kept.get("braidcast.identity.0") ?? "")).toHaveLength(32);
});

test.each([
  { by: "locks", chance: [0.1, 0.9] },
  { by: "asking", chance: [0.1, 0.9] },
  { by: "asking", chance: [0.9, 0.1] },
] as const)("by $by: two tabs that open together are two peers ($chance)", async ({ by, chance }) => {
  const random = vi.spyOn(Math, "random");
  for (const value of chance) random.mockReturnValueOnce(value);
  onTestFinished(() => random.mockRestore());
  const [, open] = browsers.find(([name]) => name === by) ?? browsers[0];
  const browser = open();
  const [one, two] = await Promise.all([loadFrom(tab(browser)), loadFrom(tab(browser))]);
  const three = await loadFrom(tab(browser));
  expect(new Set([one.id, two.id, three.id]).size).toBe(3);
});

test.each(browsers)("by %s: a duplicated tab does not become its original", async (_, open) => {
  const browser = open();
  const session = new MemoryStorage();
  const original = await loadFrom(tab(browser, session));
  const copy = new MemoryStorage();
  for (const [name, value] of session.kept) copy.setItem(name, value);
  expect((await loadFrom(tab(browser, copy))).id).not.toBe(original.id);
});

test("a tab that reloads waits for the page before it to let go", async () => {
  const browser = { local: new MemoryStorage(), locks: new Locks() };
  const session = new MemoryStorage();
  const before = await loadFrom(tab(browser, session));
  const after = loadFrom(tab(browser, session));
  await Promise.resolve();
  browser.locks.close(0);
  expect((await after).id).toBe(before.id);
});

test.each(["", "!", "AAAA"])("a damaged seed (%s) is replaced", async (damaged) => {
  const browser = { local: new MemoryStorage(), locks: new Locks() };
  browser.local.setItem("braidcast.identity.0", damaged);
  await loadFrom(tab(browser));
  expect(fromBase64url(browser.local.kept.get("braidcast.identity.0") ?? "")).toHaveLength(32);
});

test("without a way to tell tabs apart, and without storage, the identity passes with the page", async () => {
  const local = new MemoryStorage();
  expect((await loadFrom(tab({ local }))).id).toHaveLength(32);
  expect(local.kept.size).toBe(0);
  const mine = await loadOrCreate();
  expect(await loadOrCreate()).toBe(mine);
});
