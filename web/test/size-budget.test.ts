import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { measure } from "../size-budget.js";

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "size-budget-"));
  mkdirSync(join(root, "assets"));
});

afterEach(() => rmSync(root, { recursive: true }));

function write(name: string, source: string): void {
  writeFileSync(join(root, name), source);
}

async function measured(): Promise<string[]> {
  const sizes = await measure(root, "braidcast.js");
  return [...sizes.keys()].map((path) => basename(path)).sort();
}

test("what is imported statically counts, through several files and as a re-export", async () => {
  write("braidcast.js", 'import{a}from"./assets/core.js";export*from"./assets/more.js";a()');
  write("assets/core.js", 'import"./deep.js";export const a=()=>1');
  write("assets/deep.js", "globalThis.x=1");
  write("assets/more.js", "export const b=2");
  expect(await measured()).toEqual(["braidcast.js", "core.js", "deep.js", "more.js"]);
});

test("a player that is loaded on demand does not count", async () => {
  write("braidcast.js", 'export const play=()=>import("./assets/hls.js")');
  write("assets/hls.js", "export default 1");
  expect(await measured()).toEqual(["braidcast.js"]);
});

test("a worker counts, with what it imports", async () => {
  write(
    "braidcast.js",
    'new Worker(new URL(/* @vite-ignore */ "/assets/worker.js",import.meta.url),{type:"module"})',
  );
  write("assets/worker.js", 'import"./core.js"');
  write("assets/core.js", "0");
  expect(await measured()).toEqual(["braidcast.js", "core.js", "worker.js"]);
});

test("sizes are those of the gzipped files", async () => {
  write("braidcast.js", `"${"a".repeat(100_000)}"`);
  const sizes = await measure(root, "braidcast.js");
  expect(sizes.get(join(root, "braidcast.js"))).toBeLessThan(1000);
});
