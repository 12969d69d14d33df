// After the build: puts the viewer of the API beside its page in dist/docs, which is no part of the bundle, and beside
// each larger file the same one compressed, which the server sends to whoever understands it.
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";

const LEAST = 1024; // bytes that are worth it

process.chdir(new URL("dist/", import.meta.url).pathname);
for (const name of ["swagger-ui-bundle.js", "swagger-ui.css"]) {
  copyFileSync(`../node_modules/swagger-ui-dist/${name}`, `docs/${name}`);
}
for (const entry of readdirSync(".", { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || !/\.(html|js|css|svg)$/.test(entry.name)) continue;
  const path = join(entry.parentPath, entry.name);
  const content = readFileSync(path);
  if (content.length < LEAST) continue;
  writeFileSync(`${path}.br`, brotliCompressSync(content));
  writeFileSync(`${path}.gz`, gzipSync(content, { level: 9 }));
}
