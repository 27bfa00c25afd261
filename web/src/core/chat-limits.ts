/** What a chat log allows itself and others, and what it counts. */

import type { Rate } from "./bucket.ts";

/** What one log allows itself and others. */
export interface ChatLimits {
  readonly messages: number;
  readonly bytes: number;
  readonly waiting: number;
  readonly waitingBytes: number;
  readonly peerWaiting: number;
  readonly peerWaitingBytes: number;
  readonly clockAhead: number;
  /** How many ids are told to a newcomer, and in a page. */
  readonly newest: number;
  readonly own: Rate;
  /** Above an author's own rate, because links bunch what they carry. */
  readonly author: Rate;
  /** For messages that were asked for. */
  readonly authorHistory: Rate;
  /** For messages of authors who are banned by now: what they said before may still come. */
  readonly banned: Rate;
  readonly link: Rate;
  /** Bytes that one peer is sent from the log. */
  readonly answers: Rate;
  /** Questions to the store that what one peer says leads to. */
  readonly lookups: Rate;
  /** Messages of one peer that compare logs. */
  readonly comparisons: Rate;
  /** How often what was too much to be told is looked for again over a link, and after how many seconds. */
  readonly compareAgain: readonly [times: number, seconds: number];
  /** Messages that are compared: the last ones. */
  readonly compared: number;
  /** Answers that wait for that rate, for one peer. */
  readonly owed: number;
  /** Seconds in which a newcomer takes what it is told as the beginning. */
  readonly settling: number;
  /** Seconds. */
  readonly announceAfter: number;
  /** Links that may bring the same message: copies cost a small room nothing, and the first one counts. */
  readonly feeders: number;
  /** People in a room from whom on a message is to come by one link alone, and the tree has a root. */
  readonly crowd: number;
  /** Seconds in which what is to be told of as new is gathered. */
  readonly newsAfter: number;
  /** Seconds for which something new that was told of may still come along the tree. */
  readonly graftAfter: number;
  /** Seconds after which the next teller is asked for it. */
  readonly graftAgain: number;
  /** Seconds between two waves of a root. */
  readonly waveEvery: number;
  /** Seconds without a wave after which its root is gone. */
  readonly waveLost: number;
  /** Seconds for which a wave may take longer over the parent than over others. */
  readonly waveSettles: number;
  /** What one peer may say of waves. */
  readonly waves: Rate;
  /** Messages that had to be asked for, one after the other, from which on a parent is no use. */
  readonly idle: number;
  /** Seconds for which it is not taken again. */
  readonly shunned: number;
  /** Ids of refused and of absent messages, each. */
  readonly remembered: number;
}

export const LIMITS: ChatLimits = {
  messages: 5_000,
  bytes: 16 * 1024 * 1024,
  waiting: 4_096,
  waitingBytes: 8 * 1024 * 1024,
  peerWaiting: 1_024,
  peerWaitingBytes: 1024 * 1024,
  clockAhead: 1_000_000,
  newest: 200,
  own: [20, 2],
  author: [60, 4],
  authorHistory: [1_000, 4],
  banned: [60, 0.1],
  link: [400, 100],
  answers: [1024 * 1024, 256 * 1024],
  lookups: [40, 25],
  comparisons: [16, 0.5],
  compareAgain: [8, 15],
  compared: 131_072,
  owed: 512,
  settling: 10,
  announceAfter: 0.05,
  feeders: 4,
  crowd: 100,
  newsAfter: 0.02,
  graftAfter: 0.06,
  graftAgain: 0.15,
  waveEvery: 1.5,
  waveLost: 5,
  waveSettles: 0.1,
  waves: [16, 1],
  idle: 2,
  shunned: 10,
  remembered: 1_024,
};

/** Monotonic counts of messages that came over links. */
export class ChatCounters {
  accepted = 0;
  duplicates = 0;
  /** Wrong form, room or body: the link was ended. */
  malformed = 0;
  /** Wrong signature: the link was ended. */
  forged = 0;
  /** A clock far beyond all others. */
  ahead = 0;
  /** A clock that does not fit the followed messages. */
  misplaced = 0;
  /** Above the rate of its author or of the link. */
  tooFast = 0;
  /** No room to wait in. */
  overflow = 0;
  /** Before everything that is kept. */
  tooOld = 0;
  bodiless = 0;
  /** Measures of people without the standing for them, and messages that follow their author's ban. */
  unauthorised = 0;
  /** Followed messages that nobody sent. */
  absent = 0;
}
