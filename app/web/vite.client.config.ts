/** Builds the client without user interface, src/client, into one file for browsers, Node, Deno and Bun. */
import { defineConfig } from "vite";
import { lessClient } from "./less-client.ts";

const LICENSE = "/*! Parley's client: MIT licence, the Parley authors. It contains socket.io-client: MIT licence, its contributors. */";

export default defineConfig({
  plugins: [lessClient],
  publicDir: false,
  resolve: { conditions: ["browser"] }, // with fetch and WebSocket, which the others have, too
  build: {
    target: "es2022",
    minify: false, // names in traces say more than some kB save
    outDir: "dist/client",
    rolldownOptions: { output: { banner: LICENSE } },
    lib: { entry: "src/client/index.ts", formats: ["es"], fileName: () => "parley.js" },
  },
});
