/** The reactions on offer, eight a row, each with its name in words. */
export const PALETTE: readonly (readonly [kind: string, name: string, tones?: true])[] = [
  ["👍", "thumbs up", true], ["❤️", "heart"], ["😂", "tears of joy"], ["🎉", "party"],
  ["😮", "surprised"], ["😢", "sad"], ["🙏", "thanks", true], ["👀", "eyes"],
  ["✅", "done"], ["👎", "thumbs down", true], ["🔥", "fire"], ["🚀", "rocket"],
  ["💯", "hundred"], ["👏", "applause", true], ["🤔", "thinking"], ["💡", "idea"],
];

const NAMES = new Map(PALETTE.map(([kind, name]) => [kind, name]));

export function emojiName(kind: string): string {
  return NAMES.get(kind) ?? kind;
}
