import { html, type TemplateResult } from "lit";
import type { P2pMode } from "../room.ts";

const CHOICES: readonly { mode: P2pMode; label: string; hint: string }[] = [
  { mode: "on", label: "Share", hint: "Receive from other viewers and pass on what you watch." },
  {
    mode: "leaf",
    label: "Receive only",
    hint: "Nothing is passed on; viewers you receive from see your address.",
  },
  {
    mode: "off",
    label: "Off",
    hint: "Everything comes from the stream's own server, if it has one. Chatting still shows others your address.",
  },
];

/** The switch between sharing, receiving only and neither. `group` names its radio buttons. */
export function sharingSwitch(mode: P2pMode, group: string, choose: (mode: P2pMode) => void): TemplateResult {
  return html`
    <fieldset class="sharing">
      <legend class="unseen">Sharing with other viewers</legend>
      <div class="choices">
        ${CHOICES.map(
          (choice) => html`<label>
            <input type="radio" name=${group} .checked=${choice.mode === mode} @change=${() => choose(choice.mode)} />
            <span>${choice.label}</span></label>`,
        )}
      </div>
      <p class="hint" aria-live="polite">${CHOICES.find((choice) => choice.mode === mode)?.hint}</p>
    </fieldset>`;
}
