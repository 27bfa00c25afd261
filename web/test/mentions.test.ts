import { expect, test } from "vitest";
import { handles, mentioned, pieces, readable, written } from "../src/core/chat-mentions.ts";
import { type Vector, vectors } from "./vectors.ts";

const known: Vector = vectors("mentions.json");
const ANA = "a".repeat(32);

test.each(known.read as Vector[])("$text means whom Python means", (vector: Vector) => {
  expect(pieces(vector.text)).toEqual(vector.pieces);
  expect(mentioned(vector.text)).toEqual(vector.mentioned);
  expect(readable(vector.text, ({ name, peer }) => (peer === ANA ? "Ana, of late" : name))).toBe(
    vector.readable,
  );
});

test.each(known.written as Vector[])("$text is written as Python writes it", (vector: Vector) => {
  const people = new Map<string, string>(vector.people);
  expect([...handles(people)]).toEqual(vector.handles);
  expect(written(vector.text, people)).toBe(vector.written);
});
