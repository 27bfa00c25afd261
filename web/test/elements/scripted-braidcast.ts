import "./join-scripted.ts";

export * from "../../src/braidcast.ts";
