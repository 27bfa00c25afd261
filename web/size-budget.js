// Keeps /braidcast.js small: what a page downloads before it can play, without the players that are loaded only where they are needed.
import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { init, parse } from "es-module-lexer";

/** Bytes, gzipped: 60 kB (issue 3), hls.js excluded because it is a chunk of its own that is imported on demand. */
export const BUDGET = 60_000;

const WORKER = /new (?:Shared)?Worker\(\s*new URL\(\s*(?:\/\*.*?\*\/\s*)?["'`]([^"'`]+\.js)["'`]/g;

/**
 * Sizes of `entry`, of all that it imports statically and of the workers that these start.
 *
 * @param {string} root folder that is served as `/`
 * @param {string} entry file name below it
 * @returns {Promise<Map<string, number>>} gzipped bytes by file path
 */
export async function measure(root, entry) {
  await init();
  const sizes = new Map();
  const waiting = [join(root, entry)];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (sizes.has(path)) continue;
    const source = readFileSync(path, "utf8");
    sizes.set(path, gzipSync(source, { level: 9 }).length);
    const names = [...source.matchAll(WORKER)].map((match) => match[1] ?? "");
    for (const found of parse(source)[0]) {
      if (found.type === "static" || found.type === "reexport-star") names.push(found.specifier);
    }
    for (const name of names)
      waiting.push(name.startsWith("/") ? join(root, name) : resolve(dirname(path), name));
  }
  return sizes;
}

async function main() {
  const root = join(import.meta.dirname, "../signaling/pages");
  const sizes = await measure(root, "braidcast.js");
  const total = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  for (const [path, size] of sizes) console.log(`${String(size).padStart(8)}  ${path.slice(root.length)}`);
  console.log(`${String(total).padStart(8)}  in all, of ${BUDGET} bytes gzipped`);
  if (total > BUDGET) {
    console.error(
      `/braidcast.js is ${total - BUDGET} bytes over its budget: load what is not needed at once on demand.`,
    );
    process.exitCode = 1;
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await main();
