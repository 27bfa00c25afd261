/** A room as the page of all rooms shows it. */
export interface ListedRoom {
  name: string;
  people: number;
  live: boolean;
  titles: string[];
}

type Fields = Partial<Record<"rooms" | "room" | "peers" | "streams" | "state" | "title", unknown>>;

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Names of the rooms in the answer of `/api/v1/rooms`, fullest first. */
export function roomNames(answer: unknown): string[] {
  const rooms = isObject(answer) ? answer.rooms : null;
  if (!Array.isArray(rooms)) return [];
  return rooms
    .filter(isObject)
    .sort((a, b) => Number(b.peers) - Number(a.peers))
    .map((room) => room.room)
    .filter((name) => typeof name === "string");
}

/** Reads answers of `/api/v1/rooms/{room}`; what does not look like a room is left out. Live rooms come first. */
export function listedRooms(answers: readonly unknown[]): ListedRoom[] {
  return answers
    .filter(isObject)
    .filter((room) => typeof room.room === "string")
    .map((room) => {
      const streams = (Array.isArray(room.streams) ? room.streams : []).filter(isObject);
      const live = streams.filter((stream) => stream.state === "live");
      return {
        name: String(room.room),
        people: typeof room.peers === "number" ? room.peers : 0,
        live: live.length > 0,
        titles: live.map((stream) => String(stream.title ?? "")).filter((title) => title !== ""),
      };
    })
    .sort((a, b) => Number(b.live) - Number(a.live) || b.people - a.people || a.name.localeCompare(b.name));
}
