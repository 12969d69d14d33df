/** All emojis, by their groups, with the words that find them. */

import keywords from "emojilib/dist/emoji-en-US.json";
import groups from "unicode-emoji-json/data-by-group.json";

export interface Emoji {
  kind: string;
  name: string;
  /** Its name and its keywords, in lower case, each after a space. */
  words: string;
  /** Whether it has skin tones. */
  tones: boolean;
}

export interface EmojiGroup {
  name: string;
  emojis: readonly Emoji[];
}

const WORDS = keywords as Record<string, readonly string[]>;

export const GROUPS: readonly EmojiGroup[] = groups.map(({ name, emojis }) => ({
  name,
  emojis: emojis.map(({ emoji, name: called, skin_tone_support }) => ({
    kind: emoji,
    name: called,
    tones: skin_tone_support,
    words: ` ${[called, ...(WORDS[emoji] ?? [])].join(" ").toLowerCase().replaceAll("_", " ")}`,
  })),
}));

/** The emojis that have words which begin with all of those of a query. */
export function find(query: string): EmojiGroup[] {
  const begun = query.toLowerCase().split(/[\s_:]+/).filter(Boolean).map((word) => ` ${word}`);
  const fitting = GROUPS.map(({ name, emojis }) => ({
    name,
    emojis: emojis.filter(({ kind, words }) => query.includes(kind) || begun.every((word) => words.includes(word))),
  }));
  return fitting.filter(({ emojis }) => emojis.length > 0);
}
