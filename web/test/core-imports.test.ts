import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { init, parse } from "es-module-lexer";
import { beforeAll, expect, test } from "vitest";

// The rule of tests/unit/test_core_imports.py for the browser side: the core computes and does nothing else.

const SRC = join(import.meta.dirname, "../src");

// Globals that read a clock, chance, the network, storage or the page, or that run on their own.
const FORBIDDEN =
  /(?<![\w.$#])(?:Date|performance|setTimeout|setInterval|requestAnimationFrame|queueMicrotask|fetch|XMLHttpRequest|WebSocket|Worker|MessageChannel|BroadcastChannel|RTC\w+|crypto|document|window|globalThis|self|navigator|location|localStorage|sessionStorage|indexedDB|caches|console)(?=\s*[.([])|Math\.random/g;

const COMMENTS_AND_STRINGS = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/g;

beforeAll(() => init());

/** Sentences for each way in which `code`, in a core module, breaks the rule by itself. */
function impurities(code: string): string[] {
  const bare = code.replaceAll(COMMENTS_AND_STRINGS, (found) => (found.startsWith("/") ? " " : '""'));
  return [...bare.matchAll(FORBIDDEN)].map((match) => `uses ${match[0]}`);
}

/** The modules that a core module imports, as files of this project or as package names. */
function imports(file: string, code: string): string[] {
  return parse(code)[0].flatMap((found) => {
    const name = "specifier" in found ? found.specifier : null;
    if (name == null) return [];
    if (!name.startsWith(".")) return [name];
    const path = resolve(dirname(file), name);
    return [path, `${path}.ts`, path.replace(/\.js$/, ".ts")].filter(
      (file) => /\.ts$/.test(file) && existsSync(file),
    );
  });
}

test("the core, and all that it imports, uses no input, output, clock or chance", () => {
  const core = join(SRC, "core");
  const waiting = readdirSync(core, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(core, name));
  const seen = new Set<string>();
  const found: string[] = [];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (seen.has(file)) continue;
    seen.add(file);
    const code = readFileSync(file, "utf8");
    found.push(...impurities(code).map((impurity) => `${relative(SRC, file)} ${impurity}`));
    for (const name of imports(file, code)) {
      if (name.startsWith("/")) waiting.push(name);
      else if (!name.startsWith("@noble/")) found.push(`${relative(SRC, file)} imports ${name}`);
    }
  }
  expect(found).toEqual([]);
  expect(seen.size).toBeGreaterThan(0);
});

test.each([
  ["const now = Date.now();", "uses Date"],
  ["const now = new Date();", "uses Date"],
  ["performance.now()", "uses performance"],
  ["setTimeout(() => {}, 5)", "uses setTimeout"],
  ["const x = Math.random()", "uses Math.random"],
  ["crypto.getRandomValues(bytes)", "uses crypto"],
  ["new RTCPeerConnection()", "uses RTCPeerConnection"],
  ["globalThis.fetch('/')", "uses globalThis"],
])("a core that says %s is found", (code, impurity) => {
  expect(impurities(code)).toEqual([impurity]);
});

test("comments, strings and properties of that name do not count", () => {
  expect(
    impurities('// Date.now() is not ours\nconst a = "fetch(1)"; actions.fetch(part); window_.size;'),
  ).toEqual([]);
});

test("imports are followed through re-exports and types", () => {
  const file = join(SRC, "core", "any.ts");
  expect(
    imports(file, 'export * from "../braidcast.js"; import { sha256 } from "@noble/hashes/sha2.js";'),
  ).toEqual([join(SRC, "braidcast.ts"), "@noble/hashes/sha2.js"]);
});
