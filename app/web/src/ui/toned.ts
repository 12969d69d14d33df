/** Skin tones of emojis (modifiers, UTS #51, §2.4). */

const BASE = /\p{Emoji_Modifier_Base}\ufe0f?/gu;
const HANDSHAKE = "🤝"; // between two people, who have the tones

/** The tones with what they are called; the first is none. */
export const TONES: readonly (readonly [tone: string, name: string])[] = [
  ["", "Default skin tone"], ["🏻", "Light skin tone"], ["🏼", "Medium-light skin tone"], ["🏽", "Medium skin tone"],
  ["🏾", "Medium-dark skin tone"], ["🏿", "Dark skin tone"],
];

/** An emoji in a tone. Call it for those alone that have tones. */
export function toned(kind: string, tone: string): string {
  if (!tone) return kind;
  return kind.replace(BASE, (base) => (base === HANDSHAKE && kind !== base ? base : base.replace("\ufe0f", "") + tone));
}
