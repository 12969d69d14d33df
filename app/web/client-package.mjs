// After the build of src/client: makes an npm package of it in dist/client, with all types in one file, and packs it.
// The server serves parley.js, parley.d.ts, and the package, whose address `npm install` takes.
import { execFileSync } from "node:child_process";
import { copyFileSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";

const NAME = "@parley-chat/client";
const README = `# ${NAME}

A client of Parley, a chat server, for browsers, Node, Deno and Bun. It keeps the connection, sends each message once,
however often it has to try, and tells each message of the user's rooms once and in order, also those that it missed.
The page docs/chat.md of the server tells more.

\`\`\`javascript
import { ParleyClient } from "${NAME}";

const chat = new ParleyClient("http://127.0.0.1:3000", { token });
chat.on("message", (message) => console.log(message.sender.username, message.content));
await chat.ready();
await chat.send(roomId, "Hello");
\`\`\`
`;

const source = new URL("node_modules/.declarations/", import.meta.url);
const [, version] = /^version = "(.+)"$/m.exec(readFileSync(new URL("../../pyproject.toml", import.meta.url), "utf8"));
process.chdir(new URL("dist/client/", import.meta.url).pathname);
writeFileSync("parley.d.ts", types());
writeFileSync("README.md", README);
copyFileSync(new URL("../../LICENSE", import.meta.url), "LICENSE");
writeFileSync("package.json", JSON.stringify({
  name: NAME,
  version,
  description: "A client of Parley, a chat server.",
  license: "MIT",
  type: "module",
  exports: { types: "./parley.d.ts", default: "./parley.js" },
  types: "./parley.d.ts",
  files: ["parley.js", "parley.d.ts"],
  sideEffects: false,
  engines: { node: ">=20.19" },
}, null, 2));
const packed = execFileSync(process.execPath, [process.env.npm_execpath, "pack", "--silent"], { encoding: "utf8" });
renameSync(packed.trim(), "parley-chat-client.tgz");

// The declarations of all modules, of which those are exported that index.ts exports. Their names differ: a program that
// uses the file is checked by a test, and two of one name would not pass.
function types() {
  const modules = readdirSync(source).filter((name) => name.endsWith(".d.ts") && name !== "index.d.ts");
  const index = read("index.d.ts");
  const whole = new Set(Array.from(index.matchAll(/^export type \* from "\.\/(.+)";$/gm), ([, name]) => `${name}.d.ts`));
  const [about] = /^\/\*\*.*?\*\/\n/s.exec(index);
  const named = Array.from(index.matchAll(/^export (?:type )?\{.+?\}/gms), ([list]) => `${list};\n`);
  const declared = modules.map((name) => {
    const text = read(name).replace(/^import [^;]+;\n/gm, "").replace(/^export \{\};\n?/gm, "");
    return whole.has(name) ? text : text.replace(/^export /gm, "");
  });
  return [about, ...declared, ...named].join("");
}

function read(name) {
  return readFileSync(new URL(name, source), "utf8").trimEnd() + "\n";
}
