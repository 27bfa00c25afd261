import { expect, test } from "vitest";
import type { Role } from "../src/core/neighbour.ts";
import { fromBase64url, toBase64url } from "../src/encoding.ts";
import { fromSeed, type Identity } from "../src/identity.ts";
import { Handshake } from "../src/links/handshake.ts";
import { type Host, Introducing } from "../src/links/introducing.ts";
import type { RelayedAnswer, RelayedCandidate, RelayedOffer } from "../src/signaling-types.ts";

const CONNECTION = "ab".repeat(8);
const FINGERPRINT = Array(32).fill("AB").join(":");
const SDP = `v=0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=fingerprint:sha-256 ${FINGERPRINT}\r\n`;

/** One end: what it sends reaches the others' `Introducing` in a later turn. */
class Someone implements Host {
  readonly introducing: Introducing;
  readonly handshake: Handshake;
  readonly offers: RelayedOffer[] = [];
  readonly answers: RelayedAnswer[] = [];
  readonly candidates: RelayedCandidate[] = [];
  readonly lost: string[] = [];
  readonly acquaintances: { peer: string; key: string; nonce: string }[] = [];
  readonly mediators = new Set<string>();
  refused: string[] = [];
  wanted: readonly string[] = [];
  signed = false;
  tamper = (data: Uint8Array): Uint8Array => data;

  constructor(
    readonly identity: Identity,
    private readonly all: Map<string, Someone>,
  ) {
    this.handshake = new Handshake(identity, "demo", toBase64url(identity.key.subarray(0, 16)));
    const sign = this.handshake.signRecord.bind(this.handshake);
    this.handshake.signRecord = async (body) => {
      const signature = await sign(body);
      this.signed = true;
      return signature;
    };
    this.introducing = new Introducing(this.handshake, "viewer", 12, this, Math.random);
    all.set(identity.id, this);
  }

  send(peer: string, data: Uint8Array): boolean {
    const copy = this.tamper(data);
    queueMicrotask(() => this.all.get(peer)?.introducing.message(this.identity.id, copy));
    return true;
  }
  want(_purpose: string, peers: readonly string[]): void {
    this.wanted = peers;
  }
  refuse(_peer: string, _code: number, sentence: string): void {
    this.refused.push(sentence);
  }
  acquainted(peer: string, key: string, nonce: string, _role: Role): void {
    this.acquaintances.push({ peer, key, nonce });
  }
  mediated(peer: string, possible: boolean): void {
    if (possible) this.mediators.add(peer);
    else this.mediators.delete(peer);
  }
  undelivered(peer: string, _connection: string): void {
    this.lost.push(peer);
  }
  async offer(offer: RelayedOffer): Promise<void> {
    this.offers.push(offer);
  }
  async answer(answer: RelayedAnswer): Promise<void> {
    this.answers.push(answer);
  }
  candidate(candidate: RelayedCandidate): void {
    this.candidates.push(candidate);
  }
}

function link(one: Someone, other: Someone): void {
  const now = performance.now() / 1000;
  one.introducing.core.linkOpened(other.identity.id, now);
  other.introducing.core.linkOpened(one.identity.id, now);
  one.introducing.act();
  other.introducing.act();
}

/** Keys are signed with and checked by other threads. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}

/** Three in a row, who know of each other. */
async function row(tamper?: (data: Uint8Array) => Uint8Array): Promise<[Someone, Someone, Someone]> {
  const all = new Map<string, Someone>();
  const [a, b, c] = await Promise.all(
    [1, 2, 3].map(async (seed) => new Someone(await fromSeed(new Uint8Array(32).fill(seed)), all)),
  );
  if (a === undefined || b === undefined || c === undefined) throw new Error("three are needed");
  if (tamper !== undefined) b.tamper = tamper;
  const now = performance.now() / 1000;
  for (const one of [a, b, c]) {
    one.introducing.takePart({ carries: true, braids: [], hungry: false }, now);
    one.introducing.handleTimer(now);
    one.introducing.handleTimer(now - 1);
  }
  await until(() => [a, b, c].every(({ signed }) => signed));
  link(b, c);
  await until(() => b.introducing.core.view.has(c.identity.id));
  link(a, b);
  await until(() => a.mediators.size + a.refused.length > 0);
  return [a, b, c];
}

test("a neighbour tells of others, and passes offers, answers and candidates on", async () => {
  const [a, b, c] = await row();
  expect([...a.mediators]).toEqual([c.identity.id]);
  const offer = await a.handshake.signOffer(c.identity.id, c.handshake.nonce, CONNECTION, SDP);
  expect(a.introducing.signal(offer)).toBe(false);
  a.introducing.askNeighbours(CONNECTION);
  expect(a.introducing.signal(offer)).toBe(true);
  await until(() => c.offers.length > 0);
  const [came] = c.offers as [RelayedOffer];
  expect((await c.handshake.checkOffer(came)).peer).toBe(a.identity.id);
  const answer = await c.handshake.signAnswer(a.identity.id, a.handshake.nonce, CONNECTION, SDP);
  expect(c.introducing.signal(answer)).toBe(true);
  const candidate = { type: "candidate", connection: CONNECTION, candidate: "candidate:1" } as const;
  expect(a.introducing.signal({ ...candidate, to: c.identity.id })).toBe(true);
  expect(c.introducing.signal({ ...candidate, to: a.identity.id, sdp_mid: "0" })).toBe(true);
  expect(b.introducing.signal({ ...candidate, to: a.identity.id })).toBe(false);
  await until(() => a.answers.length + a.candidates.length + c.candidates.length === 3);
  const [back] = a.answers as [RelayedAnswer];
  const checked = a.handshake.checkAnswer(back, c.identity.id, c.handshake.nonce, CONNECTION);
  expect((await checked).sdp).toContain(FINGERPRINT);
  expect([a.candidates.length, c.candidates.length]).toEqual([1, 1]);
  expect([a.lost, a.refused, b.refused, c.refused]).toEqual([[], [], [], []]);
});

test("an offer that is not taken, or finds no way, comes back as lost", async () => {
  const [a, , c] = await row();
  const offer = await a.handshake.signOffer(c.identity.id, c.handshake.nonce, CONNECTION, SDP);
  a.introducing.askNeighbours(CONNECTION);
  a.introducing.signal(offer);
  await until(() => c.offers.length > 0);
  c.introducing.refuse(CONNECTION);
  await until(() => a.lost.length > 0);
  expect(a.lost).toEqual([c.identity.id]);
  const nobody = { ...offer, to: "00".repeat(16) };
  a.introducing.askNeighbours(CONNECTION);
  expect(a.introducing.signal(nobody)).toBe(true);
  expect(a.lost).toEqual([c.identity.id, nobody.to]);
  a.introducing.askNeighbours(CONNECTION);
  a.introducing.connectionClosed(CONNECTION);
  expect(a.introducing.signal(offer)).toBe(false);
});

test("a neighbour that forges records, or says what cannot be read, is refused", async () => {
  const [a, b] = await row((data) => {
    const forged = data.slice();
    if (forged[0] === 0x31) forged[forged.length - 1] = (forged[forged.length - 1] ?? 0) ^ 1;
    return forged;
  });
  expect(a.refused).toContain("The signature of a peer's record does not fit it.");
  expect(a.mediators.size).toBe(0);
  a.introducing.message(b.identity.id, new Uint8Array([0x31, 1]));
  expect(a.refused).toHaveLength(2);
});

test("while the introducer is away, whoever a neighbour told of is made known and wanted", async () => {
  const [a, b, c] = await row();
  const now = performance.now() / 1000;
  a.introducing.core.signalingUp(false, now);
  a.introducing.handleTimer(now + 2);
  const nonce = toBase64url(c.identity.key.subarray(0, 16));
  expect(a.acquaintances).toEqual([{ peer: c.identity.id, key: toBase64url(c.identity.key), nonce }]);
  expect(fromBase64url(nonce)).toHaveLength(16);
  expect(a.wanted).toContain(c.identity.id);
  a.introducing.linkClosed(b.identity.id, "leaving");
  expect(a.mediators.size).toBe(0);
});
