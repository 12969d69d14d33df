/** What a search looks for, to be marked in what it finds. */

const FILTER = /(^|[\s"])-?(?:from|in|has|before|after):(?:"[^"]*"?|[^\s"]+)/gi;
const EXCLUDED = /(^|[\s"])-(?:"[^"]*"?|(?![\d.,]+%?(?:\s|$))[^\s"]+)/g; // a number with a sign is a word (app/search/query.py)
const LONGEST = 400; // UTF-16 units of a text that stand in a list of results
const BEFORE = 60; // of these, before the first word that was sought

/** Finds the words of a query in a text, those of phrases as well; null for a query without words to find. */
export function soughtIn(query: string): RegExp | null {
  const words = query.replace(FILTER, "$1 ").replace(EXCLUDED, "$1 ").split(/[\s"]+/).filter((word) => word && !/^or$/i.test(word));
  const pattern = words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|");
  return pattern ? new RegExp(`(${pattern})`, "giu") : null;
}

/** The part of a text that is worth showing: its beginning, or what is around the first word that was sought. */
export function partAround(text: string, sought: RegExp | null): string {
  const at = sought ? text.search(sought) : -1;
  const from = at > 2 * BEFORE ? at - BEFORE : 0;
  const part = text.slice(from, from + LONGEST).replace(/^[\udc00-\udfff]|[\ud800-\udbff]$/g, ""); // halves of an emoji
  return (from ? "…" : "") + part;
}
