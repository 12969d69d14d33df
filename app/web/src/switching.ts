/** What fits what somebody types to go somewhere: the parts of a name that it is looked for by, and the better first. */

/** Without case and accents. */
function folded(text: string): string {
  return text.normalize("NFKD").replace(/\p{M}+/gu, "").toLowerCase();
}

/** How well a name fits, the less the better; null where it does not: at its beginning, at that of a word, or within one. */
export function fit(query: string, ...names: readonly string[]): number | null {
  const words = folded(query).split(/\s+/).filter(Boolean);
  const ranks = names.flatMap((name) => {
    const text = folded(name);
    const places = words.map((word) => placeOf(text, word));
    return places.includes(null) ? [] : [Math.max(0, ...(places as number[]))];
  });
  return ranks.length ? Math.min(...ranks) : null;
}

function placeOf(text: string, word: string): number | null {
  if (text.startsWith(word)) return 0;
  const at = text.indexOf(word);
  if (at < 0) return null;
  return text.split(/[^\p{L}\p{N}]+/u).some((part) => part.startsWith(word)) ? 1 : 2;
}

/** Those that fit, the better first and else in their order. */
export function fitting<T>(query: string, all: readonly T[], names: (one: T) => readonly string[]): T[] {
  const ranked = all.map((one) => [fit(query, ...names(one)), one] as const);
  return ranked.filter(([rank]) => rank !== null).sort(([a], [b]) => a! - b!).map(([, one]) => one);
}
