import { type ListedRoom, listedRooms, roomNames } from "./room-list.ts";

const REFRESH = 5000;
/** Rooms shown; each is asked for on its own. */
const SHOWN = 24;

function element<T extends HTMLElement>(id: string): T {
  return document.getElementById(id) as T;
}

function row(room: ListedRoom): HTMLLIElement {
  const item = document.createElement("li");
  const link = document.createElement("a");
  link.href = `/watch/${encodeURIComponent(room.name)}`;
  const name = document.createElement("span");
  name.className = "name";
  name.textContent = room.name;
  const about = document.createElement("span");
  about.className = "about";
  const people = room.people === 1 ? "1 person" : `${room.people} people`;
  about.textContent = [room.titles.join(", "), people].filter(Boolean).join(" · ");
  const badge = document.createElement("span");
  badge.className = room.live ? "badge live" : "badge";
  badge.textContent = room.live ? "Live" : "Not live";
  link.append(name, about, badge);
  item.append(link);
  return item;
}

function show(rooms: ListedRoom[]): void {
  const list = element("rooms");
  // Keyboard focus stays on the room that had it.
  const focused = list.querySelector<HTMLAnchorElement>("a:focus")?.pathname;
  list.replaceChildren(...rooms.map(row));
  if (focused !== undefined)
    [...list.querySelectorAll("a")].find((link) => link.pathname === focused)?.focus({ preventScroll: true });
  const state = element("rooms-state");
  const words =
    rooms.length === 0 ? "There is no room at the moment. One begins when somebody goes there." : "";
  if (state.textContent !== words) state.textContent = words;
}

async function ask(path: string): Promise<unknown> {
  const answer = await fetch(path, { signal: AbortSignal.timeout(REFRESH) });
  if (!answer.ok) throw new Error(`${path} answered ${answer.status}.`);
  return answer.json();
}

async function refresh(): Promise<void> {
  try {
    const names = roomNames(await ask("/api/v1/rooms")).slice(0, SHOWN);
    // A room may have gone between the two questions.
    const answers = names.map((name) => ask(`/api/v1/rooms/${encodeURIComponent(name)}`).catch(() => null));
    show(listedRooms(await Promise.all(answers)));
  } catch {
    element("rooms-state").textContent =
      "The list of rooms cannot be loaded at the moment; it is tried again every few seconds.";
  }
}

element<HTMLFormElement>("join").addEventListener("submit", (event) => {
  event.preventDefault();
  const room = element<HTMLInputElement>("room").value.trim();
  const button = event.submitter as HTMLButtonElement | null;
  location.assign(`/${button?.value === "chat" ? "chat" : "watch"}/${encodeURIComponent(room)}`);
});

setInterval(() => {
  if (!document.hidden) void refresh();
}, REFRESH);
void refresh();
