/** Several messages as the text that is copied: who said what, and when. */

export interface Said {
  who: string;
  time: string;
  text: string;
}

/** One message is its text alone; of several each begins with its author, unless it goes on with the one before. */
export function transcript(said: readonly Said[]): string {
  if (said.length === 1) return said[0]!.text;
  let before: string | null = null;
  const blocks: string[] = [];
  for (const { who, time, text } of said) {
    if (who === before) blocks[blocks.length - 1] += `\n${text}`;
    else blocks.push(`${who} [${time}]\n${text}`);
    before = who;
  }
  return blocks.join("\n\n");
}
