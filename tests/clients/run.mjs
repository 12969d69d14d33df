// Runs one scenario with the official client and prints what happens, a JSON array a line.
//   node run.mjs SCENARIO URL TRANSPORTS      TRANSPORTS is a list with commas

import { createInterface } from "node:readline";
import { scenarios } from "./scenarios.mjs";

const [name, url, transports] = process.argv.slice(2);

const plain = (value) => {
    if (value instanceof Uint8Array || value instanceof ArrayBuffer) {
        return { hex: Buffer.from(value).toString("hex") };
    }
    if (value instanceof Date) {
        return { date: value.getTime() };
    }
    if (value === undefined) {
        return "undefined";
    }
    if (Array.isArray(value)) {
        return value.map(plain);
    }
    if (value !== null && typeof value === "object") {
        return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
    }
    return value;
};

await scenarios[name]({
    url,
    transports: transports.split(","),
    say: (...line) => console.log(JSON.stringify(line.map(plain))),
    // Waits until the test says to go on.
    proceed: async () => {
        const lines = createInterface({ input: process.stdin });
        await new Promise((resolve) => lines.once("line", resolve));
        lines.close();
        process.stdin.destroy();
    },
});
