import { beforeAll, expect, test } from "vitest";
import { toBase64url } from "../src/encoding.ts";
import { fromSeed, type Identity } from "../src/identity.ts";
import { Handshake, HandshakeError } from "../src/links/handshake.ts";
import type { Answer, Offer, RelayedAnswer, RelayedOffer } from "../src/signaling-types.ts";

const CONNECTION = "01".repeat(8);
const FINGERPRINT = Array(32).fill("AB").join(":");
const OTHER = Array(32).fill("CD").join(":");

function sdpWith(...lines: string[]): string {
  const section = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel";
  return ["v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0", section, ...lines, ""].join("\r\n");
}

const SDP = sdpWith(`a=fingerprint:sha-256 ${FINGERPRINT}`);

class Side {
  readonly handshake: Handshake;
  readonly nonce: string;
  constructor(
    readonly identity: Identity,
    seed: number,
  ) {
    this.nonce = toBase64url(new Uint8Array(16).fill(seed));
    this.handshake = new Handshake(identity, "demo", this.nonce);
  }
  static async create(seed: number): Promise<Side> {
    return new Side(await fromSeed(new Uint8Array(32).fill(seed)), seed);
  }
}

let alice: Side;
let bob: Side;
let mallory: Side;

beforeAll(async () => {
  [alice, bob, mallory] = [await Side.create(1), await Side.create(2), await Side.create(3)];
});

function relayed(message: Offer, from: string): RelayedOffer;
function relayed(message: Answer, from: string): RelayedAnswer;
function relayed(message: Offer | Answer, from: string): RelayedOffer | RelayedAnswer {
  const { to: _, ...fields } = message;
  return { ...fields, from } as RelayedOffer | RelayedAnswer;
}

async function offerOf(sender: Side, receiver: Side, sdp = SDP): Promise<RelayedOffer> {
  const offer = await sender.handshake.signOffer(receiver.identity.id, receiver.nonce, CONNECTION, sdp);
  return relayed(offer, sender.identity.id);
}

async function refusal(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(HandshakeError);
  return (error as HandshakeError).message;
}

test("offers and answers are accepted by whom they are for", async () => {
  const checked = await bob.handshake.checkOffer(await offerOf(alice, bob));
  expect(checked).toMatchObject({ peer: alice.identity.id, connection: CONNECTION, sdp: SDP });
  const answer = relayed(
    await bob.handshake.signAnswer(alice.identity.id, alice.nonce, CONNECTION, SDP),
    bob.identity.id,
  );
  const answered = await alice.handshake.checkAnswer(answer, bob.identity.id, bob.nonce, CONNECTION);
  expect(answered.sdp).toBe(SDP);
});

test("a swapped fingerprint is refused", async () => {
  const offer = await offerOf(alice, bob);
  const swapped = { ...offer, sdp: offer.sdp.replace(FINGERPRINT, OTHER) };
  expect(await refusal(bob.handshake.checkOffer(swapped))).toMatch("altered");
});

test("a second fingerprint is refused, and one of another hash is taken out", async () => {
  const offer = await offerOf(alice, bob);
  const second = { ...offer, sdp: `${offer.sdp}a=fingerprint:sha-256 ${OTHER}\r\n` };
  expect(await refusal(bob.handshake.checkOffer(second))).toMatch("differ");
  const weaker = { ...offer, sdp: `${offer.sdp}a=fingerprint:sha-1 AB:CD\r\n` };
  expect((await bob.handshake.checkOffer(weaker)).sdp).not.toMatch("sha-1");
});

test("a missing fingerprint is refused", async () => {
  const offer = { ...(await offerOf(alice, bob)), sdp: sdpWith() };
  expect(await refusal(bob.handshake.checkOffer(offer))).toMatch("no SHA-256 fingerprint");
});

test("the key of another peer is refused, and a claimed key with one's own signature too", async () => {
  const offer = await offerOf(mallory, bob);
  const posing = { ...offer, from: alice.identity.id };
  expect(await refusal(bob.handshake.checkOffer(posing))).toMatch("not the one of the peer");
  const claiming = { ...posing, key: toBase64url(alice.identity.key) };
  expect(await refusal(bob.handshake.checkOffer(claiming))).toMatch("signature");
});

test("what is for somebody else, another session, room or connection is refused", async () => {
  const offer = await offerOf(alice, bob);
  expect(await refusal(mallory.handshake.checkOffer(offer))).toMatch("signature");
  const restarted = new Handshake(bob.identity, "demo", toBase64url(new Uint8Array(16).fill(9)));
  expect(await refusal(restarted.checkOffer(offer))).toMatch("not new");
  const elsewhere = new Handshake(bob.identity, "other", bob.nonce);
  expect(await refusal(elsewhere.checkOffer(offer))).toMatch("signature");
  expect(await refusal(bob.handshake.checkOffer({ ...offer, connection: "02".repeat(8) }))).toMatch(
    "signature",
  );
});

test("an offer sent back as an answer is refused, and an answer to another offer too", async () => {
  const offer = await offerOf(bob, alice);
  const posing: RelayedAnswer = { ...offer, type: "answer" };
  const { id } = bob.identity;
  expect(await refusal(alice.handshake.checkAnswer(posing, id, bob.nonce, CONNECTION))).toMatch("signature");
  const answer = relayed(await bob.handshake.signAnswer(alice.identity.id, alice.nonce, CONNECTION, SDP), id);
  for (const [peer, nonce, connection] of [
    [mallory.identity.id, bob.nonce, CONNECTION],
    [id, mallory.nonce, CONNECTION],
    [id, bob.nonce, "02".repeat(8)],
  ] as const) {
    expect(await refusal(alice.handshake.checkAnswer(answer, peer, nonce, connection))).toMatch(
      "another offer",
    );
  }
});

test("an offer of more than data channels is refused", async () => {
  const offer = await offerOf(alice, bob, `${SDP}m=video 9 UDP/TLS/RTP/SAVPF 96\r\n`);
  expect(await refusal(bob.handshake.checkOffer(offer))).toMatch("more than data channels");
});

test.each(["key", "nonce", "signature", "connection", "from"])(
  "a %s that is no bytes is refused",
  async (field) => {
    const offer = { ...(await offerOf(alice, bob)), [field]: "?".repeat(43) };
    expect(await refusal(bob.handshake.checkOffer(offer))).toMatch("cannot be used");
  },
);
