import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { JoinOptions, Room, RoomState } from "../src/room.ts";
import { Rooms } from "../src/rooms.ts";

class CountedRoom extends EventTarget {
  state: RoomState = "joined";
  left = 0;
  constructor(readonly options: JoinOptions) {
    super();
  }
  leave(): void {
    this.left += 1;
  }
}

const joined: CountedRoom[] = [];
const join = (options: JoinOptions): Room => {
  const room = new CountedRoom(options);
  joined.push(room);
  return room as unknown as Room; // the sharing uses nothing else of it
};
const demo: JoinOptions = { server: "http://a", room: "demo", p2p: "on" };

beforeEach(() => {
  joined.length = 0;
  vi.useFakeTimers();
});
afterEach(() => vi.useRealTimers());

test("elements of one room share a membership, which ends a moment after the last", () => {
  const rooms = new Rooms(join);
  const first = rooms.acquire(demo);
  const second = rooms.acquire({ ...demo, p2p: "off", role: "member" });
  expect(second).toBe(first);
  expect(joined).toHaveLength(1);
  rooms.release(first);
  vi.advanceTimersByTime(5000);
  expect(joined[0]?.left).toBe(0);
  rooms.release(second);
  expect(joined[0]?.left).toBe(0);
  vi.advanceTimersByTime(5000);
  expect(joined[0]?.left).toBe(1);
});

test("an element that is moved in the page does not rejoin", () => {
  const rooms = new Rooms(join);
  const room = rooms.acquire(demo);
  rooms.release(room);
  expect(rooms.acquire(demo)).toBe(room);
  vi.advanceTimersByTime(5000);
  expect(joined[0]?.left).toBe(0);
});

test("rooms are told apart by server and name", () => {
  const rooms = new Rooms(join);
  rooms.acquire(demo);
  rooms.acquire({ ...demo, server: "http://b" });
  rooms.acquire({ ...demo, room: "other" });
  expect(joined).toHaveLength(3);
});

test("a room that was closed for good is joined anew, and its old users do no harm", () => {
  const rooms = new Rooms(join);
  const old = rooms.acquire(demo);
  if (joined[0] !== undefined) joined[0].state = "closed";
  const fresh = rooms.acquire(demo);
  expect(fresh).not.toBe(old);
  rooms.release(old);
  vi.advanceTimersByTime(5000);
  expect(joined[1]?.left).toBe(0);
});
