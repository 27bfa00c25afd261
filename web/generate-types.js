// Writes src/signaling-types.ts from the schema that `python -m signaling.schema` exports; --check fails on drift.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { compile } from "json-schema-to-typescript";

/** @param {string} relative */
const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));
const target = path("src/signaling-types.ts");
const schema = JSON.parse(readFileSync(path("../signaling/protocol.schema.json"), "utf8"));

const source = await compile(schema, "SignalingMessage", {
  additionalProperties: false,
  bannerComment:
    "// Generated from signaling/protocol.schema.json by `npm run types`; changes belong into signaling/protocol.py.",
  format: false,
  maxItems: -1,
});
const biome = path("node_modules/.bin/biome");
const text = execFileSync(biome, ["format", "--stdin-file-path=src/signaling-types.ts"], {
  cwd: path("."),
  input: source,
  encoding: "utf8",
});

if (!process.argv.includes("--check")) {
  writeFileSync(target, text);
} else if (readFileSync(target, "utf8") !== text) {
  console.error("src/signaling-types.ts is not current: run `npm run types`.");
  process.exitCode = 1;
}
