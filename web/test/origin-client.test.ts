import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { OriginClient } from "../src/origin-client.ts";
import { SEAL } from "../src/seal.ts";

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

let server: Server;
let base: string;
let answer: Answer;
let asked: string[];

beforeEach(async () => {
  asked = [];
  server = createServer((request, response) => {
    asked.push(request.url ?? "");
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const seal = (fill: number) => Buffer.alloc(SEAL, fill);
const framed = (...parts: Buffer[]) =>
  Buffer.concat(
    parts.flatMap((part) => {
      const size = Buffer.alloc(4);
      size.writeUInt32BE(part.length);
      return [size, part];
    }),
  );

function client(...origins: string[]): OriginClient {
  const found = new OriginClient(base);
  found.setOrigins(origins.length > 0 ? origins : ["/live/demo/main"]);
  return found;
}

test("a join brings seals and parts, and a reading of the publisher's clock", async () => {
  answer = (_, response) => {
    response.setHeader("Braidcast-Clock", "1800000000000000");
    response.end(
      framed(Buffer.concat([seal(1), Buffer.from("one")]), Buffer.concat([seal(2), Buffer.from("2")])),
    );
  };
  const origin = client();
  const parts = await origin.join("360p");
  expect(asked).toEqual(["/live/demo/main/360p/join"]);
  expect(parts).toEqual([
    [new Uint8Array(seal(1)), new TextEncoder().encode("one")],
    [new Uint8Array(seal(2)), new TextEncoder().encode("2")],
  ]);
  const sample = origin.clockSample;
  expect(sample?.t1).toBe(1_800_000_000);
  expect((sample?.t3 ?? 0) >= (sample?.t0 ?? 1)).toBe(true);
});

test.each([
  ["cut off", framed(Buffer.concat([seal(1), Buffer.from("one")])).subarray(0, -1)],
  ["without a whole length", Buffer.from([0, 0])],
  ["with a seal and no part", framed(seal(1))],
  ["with a part larger than any", Buffer.from([0xff, 0xff, 0xff, 0xff, 1])],
])("a join %s is a failure", async (_, body) => {
  answer = (_request, response) => void response.end(body);
  expect(await client().join("360p")).toEqual({ type: "failure", gone: false, retryAfter: 0 });
});

test("a part is asked for by epoch and number", async () => {
  answer = (_, response) => void response.end(Buffer.concat([seal(7), Buffer.from("data")]));
  const part = await client().part("360p", 9, 12);
  expect(asked).toEqual(["/live/demo/main/360p/9/12.part"]);
  expect(part).toEqual([new Uint8Array(seal(7)), new TextEncoder().encode("data")]);
});

test("a part that has left the window is gone", async () => {
  answer = (_, response) => void response.writeHead(404).end();
  expect(await client().part("360p", 9, 12)).toEqual({ type: "failure", gone: true, retryAfter: 0 });
});

test("a spent start-up budget says when to come again", async () => {
  answer = (_, response) => void response.writeHead(503, { "Retry-After": "2" }).end();
  expect(await client().join("360p")).toEqual({ type: "failure", gone: false, retryAfter: 2 });
});

test("the next origin is asked after a failure, and a full one is kept", async () => {
  answer = (request, response) => {
    const status = request.url?.startsWith("/a/") === true ? 500 : 503;
    response.writeHead(status).end();
  };
  const origin = client("/a", `${base}/b/`);
  for (let time = 0; time < 3; time++) await origin.part("r", 1, 1);
  expect(asked).toEqual(["/a/r/1/1.part", "/b/r/1/1.part", "/b/r/1/1.part"]);
});

test("an answer larger than any description is not read to its end", async () => {
  answer = (_, response) => void response.end(Buffer.alloc(200_000));
  expect(await client().description()).toMatchObject({ type: "failure" });
});

test.each(["javascript:alert(1)", "data:text/plain,x", "http://[", "ftp://host/x"])(
  "the origin %s is not asked",
  async (origin) => {
    expect(await client(origin).description()).toMatchObject({ type: "failure" });
    expect(asked).toEqual([]);
  },
);

test("without an origin, or with one that does not answer, there is no part", async () => {
  const none = new OriginClient(base);
  expect(await none.part("r", 1, 1)).toMatchObject({ type: "failure" });
  expect(await client("http://127.0.0.1:1/live").part("r", 1, 1)).toMatchObject({ type: "failure" });
});

test("closing ends what is under way", async () => {
  const arrived = new Promise<void>((resolve) => {
    answer = () => resolve();
  });
  const origin = client();
  const part = origin.part("r", 1, 1);
  await arrived;
  origin.close();
  expect(await part).toMatchObject({ type: "failure" });
  expect(await origin.part("r", 1, 2)).toMatchObject({ type: "failure" });
  expect(asked.length).toBe(1);
});
