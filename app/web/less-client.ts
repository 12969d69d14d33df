/** Leaves out of socket.io-client what neither the page nor the client without user interface needs. */
import type { Plugin } from "vite";

const transports = "engine.io-client/build/esm/transports";
const parser = "socket.io-parser/build/esm";

/** Modules of socket.io-client that a client of the chat does not need in full: 4 kB of the page's bundle. */
const REPLACED: Record<string, string> = {
  [`${transports}/webtransport.js`]: "export class WT {}", // it is not among the client's transports
  [`${transports}/polling-xhr.js`]: 'export { Fetch as XHR } from "./polling-fetch.js"', // for environments without fetch
  // Nothing binary goes over the socket: files have routes of their own.
  [`${parser}/binary.js`]: "export const deconstructPacket = null, reconstructPacket = null",
  [`${parser}/is-binary.js`]: "export const isBinary = () => false, hasBinary = isBinary",
  "socket.io-client/build/esm/index.js": 'export { Manager } from "./manager.js"', // `io` shares managers; there is one
  // For environments without URL and URLSearchParams.
  "engine.io-client/build/esm/contrib/parseqs.js": `
    export const encode = (query) => String(new URLSearchParams(query));
    export const decode = (text) => Object.fromEntries(new URLSearchParams(text));`,
  "engine.io-client/build/esm/contrib/parseuri.js": `export function parse(source) {
    const { protocol, hostname, port, pathname, search } = new URL(source);
    const host = hostname.replace(/[[\\]]/g, "");
    return { source, protocol: protocol.slice(0, -1), host, port, path: pathname, query: search.slice(1) };
  }`,
  "engine.io-parser/build/esm/contrib/base64-arraybuffer.js": "export const decode = null",
};

export const lessClient: Plugin = {
  name: "less-client",
  load: (id) => REPLACED[id.split("/node_modules/").pop() ?? ""] ?? null,
};
