import "../braidcast.ts";
import { roomAddress } from "./address.ts";
import { sayNoRoom } from "./no-room.ts";

/** The address becomes one that says who owns the room: to be passed on, and kept. */
function ownFrom(key: string): void {
  const bytes = Uint8Array.from(key.match(/../g) ?? [], (digits) => Number.parseInt(digits, 16));
  const text = btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
  const fields = new URLSearchParams(location.hash.slice(1));
  fields.set("owner", text);
  location.hash = fields.toString();
  location.reload();
}

const address = roomAddress(location.pathname, location.hash);
if (address === null) {
  sayNoRoom();
} else {
  const { room, token, owner } = address;
  for (const element of document.querySelectorAll("braidcast-chat, braidcast-people"))
    Object.assign(element, { token, room, owner, onOwn: ownFrom });
  document.title = `Chat in ${room} · Braidcast`;
  const name = document.getElementById("room-name");
  if (name !== null) name.textContent = room;
  const heading = document.getElementById("title");
  if (heading !== null) heading.textContent = `Chat in ${room}`;
  const watch = document.getElementById("other") as HTMLAnchorElement;
  watch.href = `/watch/${encodeURIComponent(room)}${location.hash}`;
}
