// Fails when the scripts and styles that the built page loads first are larger together, gzipped, than they may be.
import { readdirSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const LIMIT = 60_000; // bytes
const folder = new URL("dist/assets/", import.meta.url);
const page = readFileSync(new URL("dist/index.html", import.meta.url), "utf8");
let sum = 0;
for (const name of readdirSync(folder).filter((name) => /\.(js|css)$/.test(name))) {
  const size = gzipSync(readFileSync(new URL(name, folder)), { level: 9 }).length;
  const first = page.includes(`/assets/${name}"`);
  if (first) sum += size;
  console.log(`${String(size).padStart(7)}  ${name}${first ? "" : " (later)"}`);
}
console.log(`${String(sum).padStart(7)}  of ${LIMIT} bytes at first, gzipped`);
process.exitCode = sum > 0 && sum <= LIMIT ? 0 : 1;
