/** Where an element without a `server` looks for its room: where this script came from, so that embedding needs one address. */
export const DEFAULT_SERVER = new URL(import.meta.url).origin;
