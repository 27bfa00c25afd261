/** Which files have to go so that another one has room. */

/**
 * Of the files that are kept (id and size, the oldest first), those that go for one of `size` bytes; null when it has no
 * room whatever goes.
 */
export function toForget(
  kept: Iterable<readonly [file: string, size: number]>,
  size: number,
  quota: number,
): string[] | null {
  if (size > quota) return null;
  const files = [...kept];
  let spare = quota;
  for (const [, other] of files) spare -= other;
  const gone: string[] = [];
  for (const [file, other] of files) {
    if (spare >= size) break;
    spare += other;
    gone.push(file);
  }
  return gone;
}
