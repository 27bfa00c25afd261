/** Finding words in what was said: small or capital, with or without accents, the last one perhaps only begun. */

/** Whether a text, folded, holds all these words; null when there are none. */
export function matcher(words: string): ((folded: string) => boolean) | null {
  const wanted = wordsIn(folded(words));
  const begun = wanted.pop();
  if (begun === undefined) return null;
  return (text) => {
    // Most texts are told apart by that, which is far less work than to look at their words.
    if (!text.includes(begun) || !wanted.every((word) => text.includes(word))) return false;
    const here = new Set(wordsIn(text));
    return wanted.every((word) => here.has(word)) && [...here].some((word) => word.startsWith(begun));
  };
}

/** A text in small letters without accents. */
export function folded(text: string): string {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}

function wordsIn(text: string): string[] {
  return text.match(/[\p{L}\p{N}]+/gu) ?? [];
}
