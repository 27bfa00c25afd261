import { expect, test, vi } from "vitest";
import type { BlockSet } from "../src/core/block-set.ts";
import { toForget } from "../src/core/file-quota.ts";
import type { SharedFile } from "../src/core/shared-file.ts";
import { equalBytes } from "../src/encoding.ts";
import { FileKeeper } from "../src/file-keeper.ts";
import { FileSession } from "../src/file-session.ts";
import type { FileStore, KeptFile, Piece } from "../src/file-store.ts";
import { TABLES, type Tables, TOP } from "../src/file-tables.ts";
import { BLOCK } from "../src/wire-files.ts";
import { company, type MemoryPeer, settled } from "./memory-links.ts";
import { Content, octets } from "./shared-files.ts";

/** What a browser's database would hold. */
class MemoryFiles implements FileStore {
  readonly files = new Map<string, { size: number; data: Blob | null; wanted: boolean }>();
  readonly kept = new Map<string, Uint8Array>();
  full = false;

  async list(): Promise<KeptFile[]> {
    return [...this.files].map(([id, { size, data, wanted }]) => ({
      id,
      size,
      whole: data !== null,
      wanted,
    }));
  }
  async begin(id: string, size: number): Promise<void> {
    this.files.set(id, { size, data: null, wanted: true });
  }
  async stop(id: string): Promise<void> {
    const file = this.files.get(id);
    if (file !== undefined) file.wanted = false;
  }
  async put(pieces: readonly Piece[]): Promise<void> {
    if (this.full) throw new Error("QuotaExceededError");
    for (const { file, piece, data } of pieces) this.kept.set(`${file} ${piece}`, data);
  }
  async get(id: string, piece: number): Promise<Uint8Array | null> {
    return this.kept.get(`${id} ${piece}`) ?? null;
  }
  async add(id: string, data: Blob, tables: readonly Piece[]): Promise<void> {
    await this.put(tables);
    this.files.set(id, { size: data.size, data, wanted: false });
  }
  async finish({ file, size, blocks }: Tables): Promise<void> {
    const parts = Array.from({ length: blocks }, (_, block) => this.kept.get(`${file} ${block}`));
    const data = new Blob(parts as BlobPart[]);
    if (data.size !== size) throw new Error("Pieces are missing.");
    this.files.set(file, { size, data, wanted: false });
    for (let block = 0; block < blocks; block++) this.kept.delete(`${file} ${block}`);
  }
  async pieces(id: string): Promise<number[]> {
    return [...this.kept.keys()].filter((key) => key.startsWith(id)).map((key) => Number(key.split(" ")[1]));
  }
  async data(id: string): Promise<Blob | null> {
    return this.files.get(id)?.data ?? null;
  }
  async drop(id: string): Promise<void> {
    this.files.delete(id);
    for (const key of [...this.kept.keys()]) if (key.startsWith(id)) this.kept.delete(key);
  }
}

interface Person {
  peer: MemoryPeer;
  files: FileSession;
  store: MemoryFiles;
}

function people(count: number, quota?: number): Person[] {
  vi.stubGlobal("RTCPeerConnection", () => {});
  return company(count).map((peer) => {
    const store = new MemoryFiles();
    const files = new FileSession(peer.id, store, { changed: () => {}, company: () => {} }, quota);
    files.use(peer.mesh);
    peer.onLink = (other, open) => (open ? files.linkOpened(other) : files.linkClosed(other));
    peer.onRaw = (other, data) => files.received(other, data);
    return { peer, files, store };
  });
}

async function link(one: Person, other: Person): Promise<void> {
  one.peer.mesh.befriend(other.peer.id);
  await settled();
}

async function until(condition: () => boolean, all: readonly Person[]): Promise<void> {
  await vi.waitFor(
    () => {
      for (const { files, peer } of all) {
        for (const [other] of peer.mesh.buffers()) files.drained(other, 0);
        files.handleTimer(performance.now() / 1000, false, 0);
      }
      expect(condition()).toBe(true);
    },
    { timeout: 10_000, interval: 5 },
  );
}

const DATA = octets(30 * BLOCK + 7);
const photo = () => new File([DATA], "photo?.PNG", { type: "image/png" });
const bytes = async (blob: Blob | null) => new Uint8Array((await blob?.arrayBuffer()) ?? []);

test("a file that one sends another gets only when it asks", async () => {
  const all = people(2) as [Person, Person];
  const [ann, bob] = all;
  await link(ann, bob);
  const file = await ann.files.offer(photo());
  expect(file).toEqual({
    id: new Content(DATA).id,
    name: "photo?.PNG",
    size: DATA.length,
    type: "image/png",
  });
  expect(bob.files.stateOf(file)).toEqual({ state: "away" });
  bob.files.begin(file);
  await until(() => bob.files.stateOf(file).state === "here", all);
  expect(equalBytes(await bytes(await bob.files.data(file)), DATA)).toBe(true);
  expect(ann.files.sent).toBeGreaterThan(DATA.length);
  await bob.files.forget(file.id);
  expect(bob.files.stateOf(file)).toEqual({ state: "away" });
  expect(bob.store.kept.size).toBe(0);
});

test("a page that is loaded again has its files, and goes on with what it had begun", async () => {
  const all = people(2) as [Person, Person];
  const [ann, bob] = all;
  const file = await ann.files.offer(photo());
  const { pieces } = new Content(DATA);
  await bob.store.begin(file.id, file.size);
  for (const piece of [TOP, TABLES, 3, 5]) {
    await bob.store.put([{ file: file.id, piece, data: pieces.get(piece) ?? new Uint8Array() }]);
  }
  await bob.store.put([{ file: file.id, piece: 7, data: Uint8Array.of(1, 2) }]);
  const [tables, have] = (await new FileKeeper(bob.store).resume(file.id, file.size)) as [Tables, BlockSet];
  expect(tables.top).not.toBeNull();
  expect([have.count, have.has(3), have.has(5), have.has(7)]).toEqual([2, true, true, false]);
  await reload(ann);
  expect(ann.files.stateOf(file)).toEqual({ state: "here" });
  await reload(bob);
  await link(ann, bob);
  await until(() => bob.files.stateOf(file).state === "here", all);
  expect(ann.files.sent).toBeLessThan(DATA.length);
});

async function reload(person: Person): Promise<void> {
  const { peer, store } = person;
  const files = new FileSession(peer.id, store, { changed: () => {}, company: () => {} });
  files.use(peer.mesh);
  await files.restore();
  peer.onLink = (other, open) => (open ? files.linkOpened(other) : files.linkClosed(other));
  peer.onRaw = (other, data) => files.received(other, data);
  person.files = files;
}

test("what was stopped is not fetched by a page that is loaded again", async () => {
  const [bob] = people(1) as [Person];
  bob.files.begin(wanted(1000));
  await settled();
  await reload(bob);
  expect(bob.files.stateOf(wanted(1000)).state).toBe("coming");
  bob.files.stop(wanted(1000));
  await settled();
  await reload(bob);
  expect(bob.files.stateOf(wanted(1000))).toEqual({ state: "away" });
});

test("what cannot be sent or kept is told of in a sentence", async () => {
  const all = people(2, 400_000) as [Person, Person];
  const [ann, bob] = all;
  await link(ann, bob);
  await expect(ann.files.offer(new File([], "empty"))).rejects.toThrow("is empty");
  await expect(ann.files.offer(photo())).rejects.toThrow("is too large");
  bob.files.begin(wanted(500_000));
  await until(() => bob.files.stateOf(wanted(500_000)).state === "failed", all);
  expect(bob.files.stateOf(wanted(500_000))).toMatchObject({ sentence: expect.stringContaining("no room") });
  const file = await ann.files.offer(new File([DATA.subarray(0, 100_000)], "small"));
  bob.store.full = true;
  bob.files.begin(file);
  await until(() => bob.files.stateOf(file).state === "failed", all);
  expect(bob.files.stateOf(file)).toMatchObject({ sentence: expect.stringContaining("disk is full") });
  ann.store.full = true;
  await expect(ann.files.offer(new File(["x"], "x"))).rejects.toThrow("no room to keep it");
});

function wanted(size: number): SharedFile {
  return { id: "ab".repeat(32), name: "a", size, type: "a/b" };
}

test("a file that is stopped is away again, and the oldest makes room for a new one", async () => {
  const [ann] = people(1, 250_000) as [Person];
  ann.files.begin(wanted(1000));
  expect(ann.files.stateOf(wanted(1000))).toEqual({ state: "coming", received: 0, sources: 0 });
  await settled();
  ann.files.stop(wanted(1000));
  expect(ann.files.stateOf(wanted(1000))).toEqual({ state: "away" });
  const first = await ann.files.offer(new File([DATA.subarray(0, 150_000)], "first"));
  const second = await ann.files.offer(new File([DATA.subarray(0, 200_000)], "second"));
  expect([first, second].map((file) => ann.files.stateOf(file).state)).toEqual(["away", "here"]);
});

test("damage in the browser's database is not given on", async () => {
  const store = new MemoryFiles();
  const keeper = new FileKeeper(store);
  const id = await keeper.add(new Blob([DATA]), () => {});
  expect(await keeper.read(id, DATA.length, 3)).toEqual(new Content(DATA).pieces.get(3));
  expect(await keeper.read(id, DATA.length, TABLES)).toEqual(new Content(DATA).pieces.get(TABLES));
  const other = new Blob([new Uint8Array(DATA.length)]);
  store.files.set(id, { size: DATA.length, data: other, wanted: false });
  expect(await keeper.read(id, DATA.length, 3)).toBeNull();
});

test.each([
  [10, []],
  [21, ["a"]],
  [46, ["a", "b"]],
  [100, ["a", "b", "c"]],
  [101, null],
])("the oldest files go first and no more than need be: %i", (size, gone) => {
  const kept = [
    ["a", 25],
    ["b", 25],
    ["c", 30],
  ] as const;
  expect(toForget(kept, size, 100)).toEqual(gone);
});
