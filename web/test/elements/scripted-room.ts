import type {
  ChatMessage,
  FileState,
  JoinOptions,
  P2pMode,
  Part,
  PartSink,
  Rendition,
  Room,
  RoomState,
  RosterEntry,
  StreamState,
  Talk,
  Watch,
  WatchStats,
} from "../../src/room.ts";

/** What the test's server sends as text; init segments and parts are binary: u32 length, JSON header, data. */
type Direction =
  | { type: "room"; id: string; state: RoomState; roster: RosterEntry[]; count: number }
  | { type: "streams"; streams: StreamState[] }
  | { type: "chat"; messages: ChatMessage[]; past: ChatMessage[] }
  | { type: "file"; id: string; file: FileState }
  | { type: "error"; message: string }
  | { type: "gap"; seconds: number }
  | { type: "stats"; stats: Partial<WatchStats> };

/** A PNG of one dot. */
const PIXEL =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";

type Header = { clock: number } & (
  | { type: "init"; codecs: string; rendition: Rendition }
  | ({ type: "part" } & Omit<Part, "data">)
);

/** A room whose events, parts and people are directed by the test over a WebSocket; the media in it are real and live. */
export class ScriptedRoom extends EventTarget implements Room {
  id = "";
  state: RoomState = "connecting";
  roster: RosterEntry[] = [];
  count = 0;
  streams = new Map<string, StreamState>();
  messages: ChatMessage[] = [];
  readonly chat: Talk = {
    key: "",
    moderation: null,
    silenced: null,
    writing: [],
    writes: (on) => this.#tell({ type: "writes", on }),
    files: {
      stateOf: ({ id }) => this.fileStates.get(id) ?? { state: "away" },
      begin: ({ id }) => this.#tell({ type: "begin", id }),
      stop: ({ id }) => this.#tell({ type: "stop file", id }),
      data: async () => new Blob([Uint8Array.from(atob(PIXEL), (letter) => letter.charCodeAt(0))]),
    },
    do: async (act) => this.#tell({ ...act, type: "act", act: act.type }),
    checkpoint: async (keep) => this.#tell({ type: "checkpoint", keep }),
    rule: async (verb, fields) => this.#tell({ type: "rule", verb, ...fields }),
    after: async (id) => {
      const all = [...this.past, ...this.messages];
      return all.slice(all.findIndex((message) => message.id === id) + 1).slice(0, 200);
    },
    search: async (words, count) => {
      this.#tell({ type: "search", words });
      return [...this.past, ...this.messages].filter(({ text }) => text.includes(words)).slice(-count);
    },
  };
  readonly fileStates = new Map<string, FileState>();
  /** What is older than those. */
  past: ChatMessage[] = [];
  readonly #socket: WebSocket;
  #sink: PartSink | null = null;
  #init: { data: Uint8Array; codecs: string; rendition: Rendition } | null = null;
  /** Publisher's clock less the page's, seconds; null while unknown. */
  offset: number | null = null;
  #stats: WatchStats = {
    bytesFromPeers: 0,
    bytesFromRelays: 0,
    bytesFromOrigin: 0,
    bytesToPeers: 0,
    blocksRejected: 0,
    peers: 0,
    parents: [],
    children: [],
    rendition: null,
    duplicates: 0,
    equivocations: 0,
  };

  constructor(options: JoinOptions) {
    super();
    this.#socket = new WebSocket(`${options.server.replace(/^http/, "ws")}/script`);
    this.#socket.binaryType = "arraybuffer";
    this.#socket.addEventListener("open", () => this.#tell({ type: "join", ...options }));
    this.#socket.addEventListener("message", ({ data }) => {
      if (typeof data === "string") this.#direct(JSON.parse(data) as Direction);
      else this.#media(new Uint8Array(data as ArrayBuffer));
    });
  }

  watch(stream: string, sink: PartSink): Watch {
    this.#sink = sink;
    if (this.#init !== null) sink.init(this.#init.data, this.#init.codecs, this.#init.rendition);
    this.#tell({ type: "watch", stream });
    const stats = this.#stats;
    return {
      stats,
      buffer: (seconds) => this.#tell({ type: "buffer", seconds }),
      publisherNow: () =>
        this.offset === null ? null : { time: performance.now() / 1000 + this.offset, error: 0.002 },
      choose: () => {},
      heard: null,
      setP2p: (mode: P2pMode) => this.#tell({ type: "p2p", mode }),
      stop: () => {
        if (this.#sink === sink) this.#sink = null;
        this.#tell({ type: "stop" });
      },
    };
  }

  async older(than: ChatMessage): Promise<ChatMessage[]> {
    const end = this.past.findIndex(({ id }) => id === than.id);
    return this.past.slice(0, end < 0 ? this.past.length : end).slice(-200);
  }

  async send(text: string, reply?: string): Promise<void> {
    this.#tell({ type: "send", text, ...(reply !== undefined && { reply }) });
  }

  async sendFile({ name, size, type }: File): Promise<void> {
    this.#tell({ type: "file", name, size, media: type });
  }

  setName(name: string): void {
    this.#tell({ type: "name", name });
  }

  leave(): void {
    this.#socket.close();
  }

  #tell(message: object): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #fire(type: string, detail?: unknown): void {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  #direct(direction: Direction): void {
    switch (direction.type) {
      case "room":
        this.id = direction.id;
        this.state = direction.state;
        this.roster = direction.roster;
        this.count = direction.count;
        this.#fire("roster");
        this.#fire("state");
        break;
      case "streams":
        this.streams = new Map(direction.streams.map((stream) => [stream.name, stream]));
        this.#fire("streams");
        break;
      case "chat":
        this.messages = direction.messages;
        this.past = direction.past;
        this.#fire("chat", this.messages);
        break;
      case "file":
        this.fileStates.set(direction.id, direction.file);
        this.#fire("chat", this.messages);
        break;
      case "error":
        this.#fire("error", { message: direction.message });
        break;
      case "gap":
        this.#sink?.gap(direction.seconds);
        break;
      case "stats":
        Object.assign(this.#stats, direction.stats);
        break;
    }
  }

  #media(message: Uint8Array): void {
    const length = new DataView(message.buffer).getUint32(0);
    const header = JSON.parse(new TextDecoder().decode(message.subarray(4, 4 + length))) as Header;
    const data = message.slice(4 + length);
    // The quickest message tells the clock best.
    this.offset = Math.max(this.offset ?? Number.NEGATIVE_INFINITY, header.clock - performance.now() / 1000);
    if (header.type === "init") {
      this.#init = { data, codecs: header.codecs, rendition: header.rendition };
      this.#stats.rendition = header.rendition.id;
      this.#sink?.init(data, header.codecs, header.rendition);
    } else if (this.#sink !== null) {
      this.#stats.bytesFromPeers += data.byteLength;
      this.#sink.part({ ...header, data });
    }
  }
}
