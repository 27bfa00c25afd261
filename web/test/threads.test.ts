import { expect, test } from "vitest";
import { replies, roots } from "../src/core/chat-threads.ts";
import { type Vector, vectors } from "./vectors.ts";

test.each(vectors("threads.json") as Vector[])("$name, as Python finds", (vector: Vector) => {
  const rootOf = roots(vector.messages);
  expect(Object.fromEntries(rootOf)).toEqual(vector.roots);
  expect(Object.fromEntries(replies(rootOf))).toEqual(vector.replies);
});
