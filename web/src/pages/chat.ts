import "../braidcast.ts";
import { roomAddress } from "./address.ts";
import { sayNoRoom } from "./no-room.ts";

const address = roomAddress(location.pathname, location.hash);
if (address === null) {
  sayNoRoom();
} else {
  const { room, token } = address;
  for (const element of document.querySelectorAll("braidcast-chat, braidcast-people"))
    Object.assign(element, { token, room });
  document.title = `Chat in ${room} · Braidcast`;
  const name = document.getElementById("room-name");
  if (name !== null) name.textContent = room;
  const heading = document.getElementById("title");
  if (heading !== null) heading.textContent = `Chat in ${room}`;
  const watch = document.getElementById("other") as HTMLAnchorElement;
  watch.href = `/watch/${encodeURIComponent(room)}${location.hash}`;
}
