import "./join.ts";
import { BraidcastChat } from "./chat/braidcast-chat.ts";
import { BraidcastPanel } from "./panel/braidcast-panel.ts";
import { BraidcastPeople } from "./panel/braidcast-people.ts";
import { BraidcastPlayer } from "./player/braidcast-player.ts";

export const version = "0.1.0";
export type { PlayerStats } from "./player/stats.ts";
export { BraidcastChat, BraidcastPanel, BraidcastPeople, BraidcastPlayer };

// The player comes first: where several elements share a room, its wishes about sharing decide.
const elements = {
  "braidcast-player": BraidcastPlayer,
  "braidcast-chat": BraidcastChat,
  "braidcast-people": BraidcastPeople,
  "braidcast-panel": BraidcastPanel,
};

// A page may load this twice (two widgets of one site); elements can be defined once only.
for (const [name, element] of Object.entries(elements))
  if (!customElements.get(name)) customElements.define(name, element);
