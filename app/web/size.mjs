// Fails when the scripts and styles of the built page are larger together, gzipped, than they may be.
import { readdirSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const LIMIT = 62_000; // bytes
const folder = new URL("dist/assets/", import.meta.url);
let sum = 0;
for (const name of readdirSync(folder).filter((name) => /\.(js|css)$/.test(name))) {
  const size = gzipSync(readFileSync(new URL(name, folder)), { level: 9 }).length;
  sum += size;
  console.log(`${String(size).padStart(7)}  ${name}`);
}
console.log(`${String(sum).padStart(7)}  of ${LIMIT} bytes, gzipped`);
process.exitCode = sum > LIMIT ? 1 : 0;
