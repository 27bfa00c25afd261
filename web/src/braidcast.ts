import "./join.ts";
import { BraidcastPlayer } from "./player/braidcast-player.ts";

export const version = "0.1.0";
export type { PlayerStats } from "./player/stats.ts";
export { BraidcastPlayer };

// The player comes first: where several elements share a room, its wishes about sharing decide.
define("braidcast-player", BraidcastPlayer);
// The picture does not wait for its controls, for what people say and for what tells about it.
void import("./player/controls.ts").then((it) => define("braidcast-controls", it.Controls));
void import("./chat/braidcast-chat.ts").then((it) => define("braidcast-chat", it.BraidcastChat));
void import("./panel/braidcast-people.ts").then((it) => define("braidcast-people", it.BraidcastPeople));
void import("./panel/braidcast-panel.ts").then((it) => define("braidcast-panel", it.BraidcastPanel));

/** A page may load this twice (two widgets of one site); elements can be defined once only. */
function define(name: string, element: CustomElementConstructor): void {
  if (!customElements.get(name)) customElements.define(name, element);
}
