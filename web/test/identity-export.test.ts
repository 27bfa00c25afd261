import { expect, test } from "vitest";
import { fromHex, toHex } from "../src/encoding.ts";
import { exportIdentity, importIdentity } from "../src/identity-export.ts";
import { type Vector, vectors } from "./vectors.ts";

const known: Vector[] = vectors("identity_exports.json");

test("what Python exported is imported, however it was copied", async () => {
  const { seed, passphrase, text } = known[0];
  expect(toHex(await importIdentity(`${text.slice(0, 50)}\n ${text.slice(50)}`, passphrase))).toBe(seed);
});

test("what is exported is what Python writes, however the passphrase is composed", async () => {
  const { seed, passphrase, salt, nonce, text } = known[1];
  expect(await exportIdentity(fromHex(seed), passphrase, fromHex(salt), fromHex(nonce))).toBe(text);
});

test("another passphrase opens nothing", async () => {
  await expect(importIdentity(known[0].text, "wrong horse battery")).rejects.toThrow("The passphrase is not");
});

test("what is no identity is refused in a sentence", async () => {
  for (const text of [
    "",
    "braidcast-identity:",
    `braidcast-identity:${"?".repeat(103)}`,
    known[0].text.slice(19),
  ])
    await expect(importIdentity(text, "correct horse battery")).rejects.toThrow(
      "This is no exported identity",
    );
  const newer = `braidcast-identity:Ag${"A".repeat(101)}`;
  await expect(importIdentity(newer, "correct horse battery")).rejects.toThrow("newer version");
});

test("a short passphrase is refused", async () => {
  await expect(exportIdentity(fromHex(known[0].seed), "secret")).rejects.toThrow("too short");
});
