import type { BraidcastPlayer } from "../braidcast.ts";
import "../braidcast.ts";
import { roomAddress } from "./address.ts";
import { sayNoRoom } from "./no-room.ts";

const BADGES: Record<string, string> = {
  live: "Live",
  paused: "Paused",
  waiting: "Not live",
  ended: "Ended",
  reconnecting: "Reconnecting",
};

function begin(): void {
  const address = roomAddress(location.pathname, location.hash);
  if (address === null) {
    sayNoRoom();
    return;
  }
  const { room, key, token, stream } = address;
  const player = document.querySelector("braidcast-player") as BraidcastPlayer;
  player.muted = true;
  player.autoplay = true;
  player.publisherKey = key;
  player.stream = stream;
  for (const element of document.querySelectorAll("braidcast-player, braidcast-chat, braidcast-people"))
    Object.assign(element, { token, room });
  document.title = `${room} · Braidcast`;
  const name = document.getElementById("room-name");
  if (name !== null) name.textContent = room;

  player.addEventListener("stats", () => showTitle(player, room));
  player.addEventListener("error", (event: Event) =>
    say((event as CustomEvent<{ message: string }>).detail.message),
  );
  // The player's keys work wherever nothing else takes them.
  document.addEventListener("keydown", (event) => {
    if (event.target === document.body && player.key(event)) event.preventDefault();
  });
  document.getElementById("copy")?.addEventListener("click", () => void copyLink());
  window.addEventListener("hashchange", () => location.reload());
}

function showTitle(player: BraidcastPlayer, room: string): void {
  const streams = player.membership?.streams;
  const title = (streams?.get(player.stream || "main") ?? streams?.values().next().value)?.title || room;
  const heading = document.getElementById("title");
  if (heading !== null && heading.textContent !== title) heading.textContent = title;
  const badge = document.getElementById("live");
  if (badge === null) return;
  const words = BADGES[player.state] ?? "";
  badge.hidden = words === "";
  badge.classList.toggle("live", player.state === "live");
  if (badge.textContent !== words) badge.textContent = words;
}

async function copyLink(): Promise<void> {
  const token = new URLSearchParams(location.hash.slice(1)).has("token");
  try {
    await navigator.clipboard.writeText(location.href);
    say(token ? "Copied. The link holds your token: whoever has it can come in." : "The link is copied.");
  } catch {
    say("The browser does not allow copying here; take the link from the address bar.");
  }
}

let silence: ReturnType<typeof setTimeout> | undefined;
function say(words: string): void {
  const toast = document.getElementById("said");
  if (toast === null) return;
  toast.textContent = words;
  clearTimeout(silence);
  silence = setTimeout(() => {
    toast.textContent = "";
  }, 6000);
}

begin();
