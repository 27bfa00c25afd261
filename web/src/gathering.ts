/** Telling once of what comes together. */

/**
 * What calls `tell` for all calls of one moment, and again for those that come within `apart` ms of that, when these are over:
 * a history that comes message by message is shown in a few steps, and a single message at once.
 */
export function gathering(tell: () => void, apart: number): () => void {
  let waits = false;
  let told = Number.NEGATIVE_INFINITY;
  const now = (): void => {
    waits = false;
    tell();
    told = performance.now();
  };
  return () => {
    if (waits) return;
    waits = true;
    const rest = told + apart - performance.now();
    if (rest <= 0) queueMicrotask(now);
    else setTimeout(now, rest);
  };
}
