/** Stream descriptions: what a publisher says about its stream, signed (docs/protocol.md section 3). */

import { concatBytes, fromBase64url, toBase64url } from "./encoding.ts";
import { verify } from "./identity.ts";
import { NAME, type Signer, TAG_STREAM } from "./signing.ts";

export const VERSION = 1;
export const MAX_JSON = 32768;
/** Bytes of key and signature before the JSON. */
const HEAD = 32 + 64;

/** A stream description cannot be used; the message is one sentence. */
export class DescriptionError extends Error {}

/** One quality of the stream. */
export interface Rendition {
  id: string;
  /** As in RFC 6381. */
  codecs: string;
  /** Width, height and frame rate are 0 without video. */
  width: number;
  height: number;
  frameRate: number;
  /** bit/s */
  bandwidth: number;
  stripes: number;
  /** Init segments (ftyp and moov); seals name them by their index. */
  inits: Uint8Array[];
}

/** The greater `(epoch, revision)` replaces the smaller. */
export interface StreamDescription {
  room: string;
  stream: string;
  title: string;
  state: "live" | "offline" | "ended";
  epoch: number;
  revision: number;
  /** Seconds. */
  partDuration: number;
  origins: string[];
  renditions: Rendition[];
}

/** Key, signature and JSON. Throws a DescriptionError when the description is out of its bounds. */
export async function signDescription(
  signer: Signer,
  description: StreamDescription,
): Promise<Uint8Array<ArrayBuffer>> {
  const { partDuration, renditions, ...rest } = description;
  const json = {
    ...rest,
    part_duration: partDuration,
    renditions: renditions.map(({ frameRate, inits, ...fields }) => ({
      ...fields,
      frame_rate: frameRate,
      inits: inits.map(toBase64url),
    })),
    version: VERSION,
  };
  const text = new TextEncoder().encode(JSON.stringify(json));
  read(text);
  return concatBytes(signer.key, await signer.sign(TAG_STREAM, text), text);
}

/** The publisher's key and what it says, if the signature holds. Throws a DescriptionError. */
export async function openDescription(
  data: Uint8Array,
): Promise<{ key: Uint8Array; description: StreamDescription }> {
  if (data.length <= HEAD) {
    throw new DescriptionError("The stream description is shorter than its signature.");
  }
  if (data.length > HEAD + MAX_JSON) {
    throw new DescriptionError(`A stream description has at most ${MAX_JSON} bytes of JSON.`);
  }
  const [key, text] = [data.slice(0, 32), data.slice(HEAD)];
  if (!(await verify(key, TAG_STREAM, text, data.slice(32, HEAD)))) {
    throw new DescriptionError("The signature of the stream description does not fit.");
  }
  return { key, description: read(text) };
}

function read(text: Uint8Array): StreamDescription {
  if (text.length > MAX_JSON) {
    throw new DescriptionError(`A stream description has at most ${MAX_JSON} bytes of JSON.`);
  }
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(text));
  } catch {
    throw new DescriptionError("The stream description is malformed: it is no JSON.");
  }
  const fields = new Fields(json, "");
  const version = fields.integer("version", 0, Number.MAX_SAFE_INTEGER);
  if (version !== VERSION) {
    throw new DescriptionError(
      `The stream description has version ${version}; this program knows version ${VERSION}.`,
    );
  }
  const renditions = fields.list("renditions", 16).map((item, index) => readRendition(item, index));
  if (new Set(renditions.map(({ id }) => id)).size !== renditions.length) {
    throw new DescriptionError("Two renditions of the stream description have one id.");
  }
  const state = fields.text("state", 0, 16);
  if (state !== "live" && state !== "offline" && state !== "ended") throw fields.wrong("state");
  const origins = fields.list("origins", 16);
  return {
    room: fields.name("room"),
    stream: fields.name("stream"),
    title: fields.text("title", 0, 256),
    state,
    epoch: fields.integer("epoch", 0, 2 ** 32 - 1),
    revision: fields.integer("revision", 0, 2 ** 32 - 1),
    partDuration: fields.number("part_duration", Number.MIN_VALUE, 10),
    origins: origins.map((_, index) => new Fields(origins, "origins").text(index, 1, 2048)),
    renditions,
  };
}

function readRendition(item: unknown, index: number): Rendition {
  const fields = new Fields(item, `renditions[${index}]`);
  return {
    id: fields.name("id"),
    codecs: fields.text("codecs", 0, 256),
    width: fields.integer("width", 0, 65535),
    height: fields.integer("height", 0, 65535),
    frameRate: fields.number("frame_rate", 0, 1000),
    bandwidth: fields.integer("bandwidth", 0, 2 ** 32 - 1),
    stripes: fields.integer("stripes", 1, 16),
    inits: fields.list("inits", 256).map((text) => {
      try {
        if (typeof text === "string") return fromBase64url(text);
      } catch {
        // said below
      }
      throw new DescriptionError("An init segment of the stream description is not base64url.");
    }),
  };
}

/** Checked access to a JSON object; numbers are within [least, most], texts so many characters (code points). */
class Fields {
  private readonly json: Record<string | number, unknown>;

  constructor(
    json: unknown,
    private readonly place: string,
  ) {
    if (typeof json !== "object" || json === null) throw this.wrong("");
    this.json = json as Record<string | number, unknown>;
  }

  wrong(name: string | number): DescriptionError {
    const path = [this.place, String(name)].filter((step) => step !== "").join(".");
    return new DescriptionError(`The stream description is malformed: ${path || "it"} is missing or wrong.`);
  }

  private get(name: string | number): unknown {
    return Object.hasOwn(this.json, name) ? this.json[name] : undefined;
  }

  number(name: string, least: number, most: number): number {
    const value = this.get(name);
    if (typeof value !== "number" || !(value >= least && value <= most)) throw this.wrong(name);
    return value;
  }

  integer(name: string, least: number, most: number): number {
    const value = this.number(name, least, most);
    if (!Number.isInteger(value)) throw this.wrong(name);
    return value;
  }

  text(name: string | number, least: number, most: number): string {
    const value = this.get(name);
    // Half of a surrogate pair is no character; other languages refuse it.
    if (typeof value !== "string" || /\p{Surrogate}/u.test(value)) throw this.wrong(name);
    const length = [...value].length;
    if (length < least || length > most) throw this.wrong(name);
    return value;
  }

  name(name: string): string {
    const value = this.text(name, 1, 64);
    if (!NAME.test(value)) throw new DescriptionError("A name in the stream description is not allowed.");
    return value;
  }

  list(name: string, most: number): unknown[] {
    const value = this.get(name);
    if (!Array.isArray(value) || value.length > most) throw this.wrong(name);
    return value;
  }
}
