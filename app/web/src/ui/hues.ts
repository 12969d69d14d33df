/** The colours of people. */

const HUES = 16;
const SHADES = ["42%", "51%"]; // white text on each is at least 5:1

/** One colour a person for ever: FNV-1a of the id. */
export function colourOf(id: string): Record<string, string | number> {
  let hash = 0x811c9dc5;
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  const which = (hash >>> 0) % (HUES * SHADES.length);
  return { "--hue": ((which % HUES) * 360) / HUES, "--shade": SHADES[Math.floor(which / HUES)]! };
}
