import { defineConfig, type Plugin } from "vite";

const server = "http://127.0.0.1:3000";

/** Transports of engine.io-client that the page does not need in full: 2 kB of the bundle. */
const REPLACED: Record<string, string> = {
  "webtransport.js": "export class WT {}", // it is not among the page's transports
  "polling-xhr.js": 'export { Fetch as XHR } from "./polling-fetch.js"', // what browsers without fetch would need
};

const lessTransports: Plugin = {
  name: "less-transports",
  load: (id) => REPLACED[id.split("/engine.io-client/build/esm/transports/")[1] ?? ""] ?? null,
};

export default defineConfig({
  plugins: [lessTransports],
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    target: "es2023",
    modulePreload: { polyfill: false }, // every browser of this target has it
  },
  server: {
    proxy: {
      "/auth": server,
      "/chat": server,
      "/io": { target: server, ws: true },
    },
  },
});
