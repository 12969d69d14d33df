import { defineConfig, type Plugin } from "vite";
import { lessClient } from "./less-client.ts";

const server = "http://127.0.0.1:3000";

/**
 * What the page loads later is one script, with its styles in it: it takes a plain import, and not the code that Vite has for
 * files of styles and for parts that share others, of most of a kB.
 */
const plainImports: Plugin = {
  name: "plain-imports",
  enforce: "pre",
  load: (id) => (id.endsWith("vite/preload-helper.js") ? "export const __vitePreload = (load) => load();" : null),
};

export default defineConfig({
  plugins: [lessClient, plainImports],
  // Calls of h are half a kB shorter, gzipped, than those of the automatic runtime.
  oxc: {
    jsx: { runtime: "classic", pragma: "h", pragmaFrag: "Fragment" },
    jsxInject: 'import { Fragment, h } from "preact"',
  },
  build: {
    target: "es2023",
    modulePreload: false, // what is loaded later has nothing of its own to load
  },
  server: {
    proxy: {
      "/admin/": server,
      "/auth": server,
      "/chat": server,
      "/io": { target: server, ws: true },
    },
  },
});
