/** The reactions on offer, eight a row, each with its name in words. */
export const PALETTE: readonly (readonly [kind: string, name: string])[] = [
  ["👍", "thumbs up"], ["❤️", "heart"], ["😂", "tears of joy"], ["🎉", "party"],
  ["😮", "surprised"], ["😢", "sad"], ["🙏", "thanks"], ["👀", "eyes"],
  ["✅", "done"], ["👎", "thumbs down"], ["🔥", "fire"], ["🚀", "rocket"],
  ["💯", "hundred"], ["👏", "applause"], ["🤔", "thinking"], ["💡", "idea"],
];

const NAMES = new Map(PALETTE);

export function emojiName(kind: string): string {
  return NAMES.get(kind) ?? kind;
}
