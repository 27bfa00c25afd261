import { setJoin } from "../../src/rooms.ts";
import { ScriptedRoom } from "./scripted-room.ts";

setJoin((options) => new ScriptedRoom(options));
