import { defineConfig } from "vite";

const server = "http://127.0.0.1:3000";

export default defineConfig({
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
