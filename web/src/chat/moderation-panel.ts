/** Who is held back in a room, what was done, and what one may do about it. */

import { html, nothing, type TemplateResult } from "lit";
import type { Measure, Verb } from "../core/measures.ts";
import type { Moderation } from "../core/moderation.ts";
import type { Talk } from "../room.ts";
import { audit, MODERATOR, type Named, OWNER } from "./audit.ts";
import { formatTime } from "./names.ts";

const SLOW = 30;
const STANDINGS = ["a guest", "a member", "a moderator", "the owner"];
/** Messages that a checkpoint leaves. */
const KEPT_BEHIND = 200;
/** Records that are shown. */
const SHOWN = 100;

export interface PanelEvents {
  rule(verb: Verb, fields?: Partial<Measure>): void;
  /** Settles all but the last `keep` messages. */
  checkpoint(keep: number): void;
  /** Makes a link whose owner one is; null where there is no page for that. */
  own: (() => void) | null;
}

export function moderationPanel(talk: Talk, named: Named, events: PanelEvents): TemplateResult {
  const { moderation } = talk;
  return html`<details class="moderation">
    <summary>Moderation${moderation === null ? nothing : html` <span class="note">you are ${STANDINGS[moderation.standing(talk.key)]}</span>`}</summary>
    <div class="within" tabindex="0" role="group" aria-label="Moderation">
      ${moderation === null ? unowned(events) : owned(talk, moderation, named, events)}
    </div>
  </details>`;
}

function unowned({ own }: PanelEvents): TemplateResult {
  return html`<p>This link does not say who owns the room, so nobody moderates it for you.</p>
    ${own === null ? nothing : html`<button type="button" class="button" @click=${own}>Make me the owner</button>`}`;
}

function owned(talk: Talk, moderation: Moderation, named: Named, events: PanelEvents): TemplateResult {
  const records = audit(moderation, named, SHOWN);
  return html`
    ${moderation.standing(talk.key) >= MODERATOR ? controls(talk, moderation, named, events) : nothing}
    ${moderation.standing(talk.key) === OWNER ? settling(events) : nothing}
    <h2>What was done</h2>
    ${records.length === 0 ? html`<p>Nothing yet.</p>` : nothing}
    <ol class="audit">${records.map(
      ({ time, sentence, remark }) =>
        html`<li class=${remark === "" ? "" : "past"}><time>${formatTime(time)}</time> ${sentence}${remark === "" ? nothing : html` <span class="note">${remark}</span>`}</li>`,
    )}</ol>`;
}

function settling({ checkpoint }: PanelEvents): TemplateResult {
  return html`<details>
    <summary>Checkpoint</summary>
    <p>From then on nobody keeps more than the last ${KEPT_BEHIND} messages: what stands before them is gone for everybody, for good. Who is banned, muted or has standing stays so. Export first what you want to keep.</p>
    <button type="button" class="button" @click=${() => checkpoint(KEPT_BEHIND)}>Drop all but the last ${KEPT_BEHIND} messages</button>
  </details>`;
}

function controls(talk: Talk, moderation: Moderation, named: Named, { rule }: PanelEvents): TemplateResult {
  const state = moderation.state();
  const muted = [...state.mutes.keys()].filter((key) => state.isMuted(key));
  const own = moderation.standing(talk.key);
  const button = (label: string, verb: Verb, fields: Partial<Measure> = {}) =>
    html`<button type="button" class="button" @click=${() => rule(verb, fields)}>${label}</button>`;
  return html`
    <div class="controls">
      ${
        state.least > 0
          ? button("Unlock the room", "unlock")
          : [
              button("Lock for guests", "lock", { role: "member" }),
              button("Lock for all", "lock", { role: "moderator" }),
            ]
      }
      ${
        state.seconds > 0
          ? button(`End slow mode (${state.seconds} s)`, "slow")
          : button(`Slow mode: ${SLOW} s`, "slow", { seconds: SLOW })
      }
      ${state.banned.map((subject) => button(`Unban ${named(subject)}`, "unban", { subject }))}
      ${muted.map((subject) => button(`Unmute ${named(subject)}`, "unmute", { subject }))}
      ${
        own < OWNER
          ? nothing
          : [...state.moderators].map((subject) =>
              button(`Dismiss ${named(subject)}`, "revoke", { subject, role: "moderator" }),
            )
      }
    </div>`;
}
