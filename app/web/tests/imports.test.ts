import { expect, test } from "vitest";

const SOURCES = import.meta.glob<string>("../src/**/*.{ts,tsx}", { query: "?raw", import: "default", eager: true });

/** Each module's text, by its place in the sources' folder. */
const texts = new Map(Object.entries(SOURCES).map(([path, text]) => [path.replace("../src/", ""), text]));
const files = [...texts.keys()];

/** The modules that a module imports by their place. */
function imported(file: string): string[] {
  const places = texts.get(file)!.matchAll(/(?:from|import) "(\.[^"]+)"/g);
  return Array.from(places, ([, place]) => new URL(place!, `file:///${file}`).pathname.slice(1));
}

const ours = files.filter((file) => file.startsWith("client/"));

test("the client stands alone: it imports its own modules, and socket.io-client", () => {
  expect(ours.length).toBeGreaterThan(10);
  for (const file of ours) {
    for (const place of imported(file)) expect(place, file).toMatch(/^client\//);
    const packages = texts.get(file)!.matchAll(/from "([^."][^"]*)"/g);
    for (const [, name] of packages) expect(name, file).toBe("socket.io-client");
  }
});

test("the page imports of the client what its index exports, and nothing else", () => {
  const page = files.filter((file) => !ours.includes(file));
  const places = page.flatMap(imported).filter((place) => place.startsWith("client"));
  expect(new Set(places)).toEqual(new Set(["client"]));
});
