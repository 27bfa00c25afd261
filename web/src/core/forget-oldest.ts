/** What is kept for many is bounded: what came first goes first. */

/** Removes what was put in first. */
export function forgetOldest(collection: Map<string, unknown> | Set<string>): void {
  for (const oldest of collection.keys()) {
    collection.delete(oldest);
    return;
  }
}
