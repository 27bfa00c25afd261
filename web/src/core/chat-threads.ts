/** Which messages answer which, directly or by way of others. */

/** What is needed of a message. */
interface Answering {
  readonly id: string;
  /** The id of the message that it answers. */
  readonly reply: string | null;
}

/** The id of the message that each of these (by id) goes back to, as far as what they answer is among them. */
export function roots(messages: readonly Answering[]): Map<string, string> {
  const byId = new Map(messages.map((message) => [message.id, message]));
  const found = new Map<string, string>();
  for (const { id } of messages) {
    const way = new Set<string>();
    let root = id;
    let at: string | null = id;
    while (at !== null && byId.has(at) && !found.has(at) && !way.has(at)) {
      way.add(at);
      root = at;
      at = byId.get(at)?.reply ?? null;
    }
    root = found.get(at ?? "") ?? root;
    for (const passed of way) found.set(passed, root);
  }
  return found;
}

/** How many messages go back to each root that has any, itself not counted. */
export function replies(rootOf: ReadonlyMap<string, string>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const [id, root] of rootOf) if (id !== root) counts.set(root, (counts.get(root) ?? 0) + 1);
  return counts;
}
