/** What a search looks for, to be marked in what it finds. */

const FILTER = /(^|[\s"])-?(?:from|in|has|before|after):(?:"[^"]*"?|[^\s"]+)/gi;
const EXCLUDED = /(^|[\s"])-(?:"[^"]*"?|(?![\d.,]+%?(?:\s|$))[^\s"]+)/g; // a number with a sign is a word (app/search/query.py)

/** Finds the words of a query in a text, those of phrases as well; null for a query without words to find. */
export function soughtIn(query: string): RegExp | null {
  const words = query.replace(FILTER, "$1 ").replace(EXCLUDED, "$1 ").split(/[\s"]+/).filter((word) => word && !/^or$/i.test(word));
  const pattern = words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|");
  return pattern ? new RegExp(`(${pattern})`, "giu") : null;
}
