/** Builds the page for administrators: on its own, so that the page to chat on shares no file with it and loads none more. */
import { defineConfig } from "vite";
import { lessClient } from "./less-client.ts";

export default defineConfig({
  plugins: [lessClient],
  oxc: {
    jsx: { runtime: "classic", pragma: "h", pragmaFrag: "Fragment" },
    jsxInject: 'import { Fragment, h } from "preact"',
  },
  build: {
    target: "es2023",
    modulePreload: false,
    emptyOutDir: false,
    copyPublicDir: false, // the page to chat on has brought it
    rolldownOptions: { input: "admin.html" },
  },
});
