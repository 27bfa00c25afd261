/** What is known of who feeds one stripe, and the changes that are made to that. */

/** Who feeds one stripe. */
export class Upstream {
  parent: string | null = null;
  /** Asked to take over; a working parent is kept until this one has shown that it keeps up. */
  pending: string | null = null;
  pendingSince = 0;
  /** When the first block of the pending parent came. */
  pushingSince: number | null = null;
  /** How many parts it has pushed in time, one after another, and the number of the last. */
  proved = 0;
  provedTo = -1;
  /** It was asked for by a plan that has been replaced, perhaps because it does not answer. */
  superseded = false;
  /** The pending one was asked because the parent pushes too little. */
  forMore = false;
  planned: string | null = null;
  planRetryAt = 0;
  planFailures = 0;
  trustUntil: number | null = null;
  rootlessSince: number | null = null;
  /** The short id of the parent that was lost last. */
  lost: string | null = null;
  orphanSince: number | null = null;
  starved = true;
}

export interface Change {
  readonly type: "subscribe" | "unsubscribe";
  readonly stripe: number;
  readonly peer: string;
}
