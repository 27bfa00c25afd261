/** A room as the page of all rooms shows it. */
export interface ListedRoom {
  name: string;
  people: number;
  live: boolean;
  titles: string[];
}

type Fields = Partial<Record<"rooms" | "room" | "count" | "streams" | "state" | "title", unknown>>;

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Reads the answer of `/api/v1/rooms`; what does not look like a room is left out. Live rooms come first. */
export function listedRooms(answer: unknown): ListedRoom[] {
  const rooms = isObject(answer) ? answer.rooms : answer;
  if (!Array.isArray(rooms)) return [];
  return rooms
    .filter(isObject)
    .filter((room) => typeof room.room === "string")
    .map((room) => {
      const streams = (Array.isArray(room.streams) ? room.streams : []).filter(isObject);
      const live = streams.filter((stream) => stream.state === "live");
      return {
        name: String(room.room),
        people: typeof room.count === "number" ? room.count : 0,
        live: live.length > 0,
        titles: live.map((stream) => String(stream.title ?? "")).filter((title) => title !== ""),
      };
    })
    .sort((a, b) => Number(b.live) - Number(a.live) || b.people - a.people || a.name.localeCompare(b.name));
}
