/** What Markdown in a message becomes: the part of it that docs/chat.md lists, as HTML that is still to be sanitised. */

import MarkdownIt, { type RendererRule, type StateInline } from "markdown-it";
import { type Mention, mention, pieces } from "../core/chat-mentions.ts";
import { hueOf } from "./names.ts";

/** Elements and attributes that a text can become; all else is taken out. */
export const ELEMENTS = [
  ..."p br strong em s code pre blockquote ul ol li a".split(" "),
  ..."span div button".split(" "), // mentions, hosts, the button that copies
] as const;
export const ATTRIBUTES = ["href", "target", "rel", "class", "start", "tabindex", "type"] as const;
/** Where a link can lead. */
export const LINKS = /^(?:https?:\/\/|mailto:)/i;

/** UTF-16 units; a longer text is shown as it was written. */
const LONGEST = 8_000;
/** Quotes and lists within each other; a text with more is shown as it was written, for the parser would drop what is within. */
const DEEPEST = 20;
const MENTION_AT = /@\[[^[\]\r\n]{1,64}\]\([0-9a-f]{32}\)/uy;
/** These turn the direction of writing: behind them an address can read as another. */
const TURNING = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;

/** Who reads. */
export interface Reader {
  readonly own: string | undefined;
  /** What is shown of whom a message mentions. */
  readonly nameOf: (mention: Mention) => string;
}

// Only what is named here: no HTML, no images (they would tell a stranger's server who reads), no tables, no references.
const parser = new MarkdownIt("zero", { breaks: true, linkify: true, maxNesting: DEEPEST }).enable([
  "fence",
  "blockquote",
  "list",
  "heading",
  "newline",
  "escape",
  "backticks",
  "strikethrough",
  "emphasis",
  "balance_pairs",
  "fragments_join",
  "link",
  "autolink",
  "linkify",
]);
const { escapeHtml } = parser.utils;
parser.linkify.set({ fuzzyLink: false, fuzzyEmail: false });
parser.validateLink = (address) => LINKS.test(address);
parser.normalizeLinkText = (address) => address; // as written: one that was altered shows its host
parser.inline.ruler.before("link", "mention", readMention);

parser.core.ruler.push("hosts", (state) => {
  for (const { children } of state.tokens) {
    let address = "";
    let shown = "";
    for (const token of children ?? []) {
      if (token.type === "link_open") [address, shown] = [String(token.attrGet("href") ?? ""), ""];
      else if (token.type === "link_close") token.content = leadsTo(address, shown);
      else shown += token.type === "text" || token.type === "code_inline" ? token.content : "\n";
    }
  }
});

Object.assign(parser.renderer.rules, {
  heading_open: () => "<p><strong>",
  heading_close: () => "</strong></p>",
  fence: (tokens, at) =>
    `<div class="code"><pre tabindex="0"><code>${escapeHtml(tokens[at]?.content ?? "")}</code></pre><button type="button" class="copy">Copy</button></div>`,
  link_open: (tokens, at) =>
    `<a href="${escapeHtml(String(tokens[at]?.attrGet("href") ?? ""))}" target="_blank" rel="noopener noreferrer nofollow ugc">`,
  link_close: (tokens, at) => {
    const host = tokens[at]?.content ?? "";
    return host === "" ? "</a>" : `<span class="host"> (${escapeHtml(host)})</span></a>`;
  },
  mention: (tokens, at, _options, env) => {
    const { reader } = (env ?? {}) as { reader?: Reader };
    const [meant] = pieces(tokens[at]?.content ?? "");
    if (reader === undefined || meant === undefined || typeof meant === "string") return "";
    const own = meant.peer === reader.own ? " own" : "";
    return `<span class="mention hue-${hueOf(meant.peer)}${own}">@${escapeHtml(reader.nameOf(meant))}</span>`;
  },
} satisfies Record<string, RendererRule>);

/** The text as HTML, in paragraphs or as one `line`; null where it is better shown as it was written. */
export function toHtml(text: string, reader: Reader, line: boolean): string | null {
  if (text.length > LONGEST) return null;
  const env = { reader };
  const written = withAddresses(text);
  if (line) return parser.renderInline(written, env);
  const tokens = parser.parse(written, env);
  if (tokens.some(({ level }) => level >= DEEPEST - 1)) return null;
  return parser.renderer.render(tokens, parser.options, env).trim();
}

/** An @name within an address was no mention: there it is again what was typed. */
function withAddresses(text: string): string {
  let last = "";
  return pieces(text)
    .map((piece) => {
      if (typeof piece === "string") last = piece.split(/\s/u).at(-1) ?? "";
      else return last.includes("://") ? `@${piece.name}` : mention(piece.name, piece.peer);
      return piece;
    })
    .join("");
}

/** An inline rule, so that code stays what it is and no mention is taken for a link. */
function readMention(state: StateInline, silent: boolean): boolean {
  MENTION_AT.lastIndex = state.pos;
  const found = MENTION_AT.exec(state.src)?.[0];
  if (found === undefined || state.pos + found.length > state.posMax) return false;
  if (!silent) state.push("mention", "", 0).content = found;
  state.pos += found.length;
  return true;
}

/** What to say of where a link leads: nothing where its text is its address and reads as what it is. */
function leadsTo(address: string, shown: string): string {
  if (!URL.canParse(address)) return address;
  const { protocol, host, pathname, username, password } = new URL(address);
  const plain = username === "" && password === "" && !TURNING.test(shown);
  if (protocol === "mailto:") return plain && address === `mailto:${shown}` ? "" : pathname;
  return plain && (shown === address || `${shown}/` === address) ? "" : host;
}
