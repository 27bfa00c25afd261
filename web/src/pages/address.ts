/** What the address of a room's page says. The fragment never reaches a server, so keys and tokens are there. */
export interface RoomAddress {
  room: string;
  /** Publisher's key, base64url; empty when none is pinned. */
  key: string;
  /** The key of the room's owner, base64url: the publisher's where it is not given. */
  owner: string;
  token: string;
  /** Empty: whatever is live. */
  stream: string;
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._~-]{0,63}$/;

export function isName(name: string): boolean {
  return NAME.test(name);
}

/** Reads `/watch/{room}#key=…&token=…&stream=…`; null when the path names no room that could exist. */
export function roomAddress(path: string, fragment: string): RoomAddress | null {
  const [, , encoded = "", ...rest] = path.split("/");
  let room: string;
  try {
    room = decodeURIComponent(encoded);
  } catch {
    return null;
  }
  if (!isName(room) || rest.some((part) => part !== "")) return null;
  const fields = new URLSearchParams(fragment.replace(/^#/, ""));
  const stream = fields.get("stream") ?? "";
  return {
    room,
    key: fields.get("key") ?? "",
    owner: fields.get("owner") ?? fields.get("key") ?? "",
    token: fields.get("token") ?? "",
    stream: isName(stream) ? stream : "",
  };
}
