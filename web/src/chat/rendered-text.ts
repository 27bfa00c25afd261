/** A message's Markdown as the page shows it: parsed, then sanitised, once for each text. */

import DOMPurify from "dompurify";
import type { DirectiveResult } from "lit/directive.js";
import { unsafeHTML } from "lit/directives/unsafe-html.js";
import { pieces } from "../core/chat-mentions.ts";
import { ATTRIBUTES, ELEMENTS, LINKS, type Reader, toHtml } from "./markdown.ts";

/** Characters of texts and their HTML that are kept: those of some thousand messages. */
const MOST = 8_000_000;

const kept = new Map<string, string | null>();
let size = 0;

/** The text, in paragraphs or as one `line`; null where it is to be shown as it was written. */
export function rendered(text: string, reader: Reader, line: boolean): DirectiveResult | null {
  const key = JSON.stringify([text, line, reader.own, named(text, reader)]);
  let safe = kept.get(key);
  if (safe === undefined) {
    safe = sanitised(toHtml(text, reader, line));
    keep(key, safe);
  }
  return safe === null ? null : unsafeHTML(safe);
}

function keep(key: string, safe: string | null): void {
  kept.set(key, safe);
  size += key.length + (safe ?? "").length;
  for (const [oldest, html] of kept) {
    if (size <= MOST) return;
    kept.delete(oldest);
    size -= oldest.length + (html ?? "").length;
  }
}

/** What those who are meant are called now: another name makes another text. */
function named(text: string, { nameOf }: Reader): string[] {
  return pieces(text).flatMap((piece) => (typeof piece === "string" ? [] : [nameOf(piece)]));
}

function sanitised(html: string | null): string | null {
  if (html === null || !DOMPurify.isSupported) return null;
  return DOMPurify.sanitize(html, {
    ALLOWED_TAGS: [...ELEMENTS],
    ALLOWED_ATTR: [...ATTRIBUTES],
    ALLOWED_URI_REGEXP: LINKS,
    // It judges the values of all attributes but of those that lead nowhere.
    ADD_URI_SAFE_ATTR: ATTRIBUTES.filter((name) => name !== "href"),
    ALLOW_ARIA_ATTR: false,
    ALLOW_DATA_ATTR: false,
  });
}
