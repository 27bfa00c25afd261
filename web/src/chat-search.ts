/** Finding words in what was said: small or capital, with or without accents, the last one perhaps only begun. */

/** Whether a text holds all these words; null when there are none. */
export function matcher(words: string): ((text: string) => boolean) | null {
  const wanted = wordsOf(words);
  const begun = wanted.pop();
  if (begun === undefined) return null;
  return (text) => {
    const here = new Set(wordsOf(text));
    return wanted.every((word) => here.has(word)) && [...here].some((word) => word.startsWith(begun));
  };
}

function wordsOf(text: string): string[] {
  return (
    text
      .normalize("NFD")
      .replace(/\p{M}/gu, "")
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu) ?? []
  );
}
