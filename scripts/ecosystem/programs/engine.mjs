// The checks of an engine.io-client, of the version that is installed beside this file, with the server that echoes of
// scripts/conformance. Prints [CHECK, null or what is wrong], a JSON array a line.
//   node engine.mjs URL TRANSPORTS CHECK...

import { createRequire } from "node:module";

const module = createRequire(import.meta.url)("engine.io-client");
const Socket = module.Socket ?? module;
const [url, list, ...wanted] = process.argv.slice(2);
const transports = list.split(",");
const PATIENCE = 15_000; // ms

const say = (...line) => console.log(JSON.stringify(line));
const same = (found, expected, what = "got") => {
    const [one, other] = [JSON.stringify(found), JSON.stringify(expected)];
    if (one !== other) {
        throw new Error(`${what} ${one}, not ${other}`);
    }
};
const once = (emitter, event) =>
    new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`waited in vain for ${event}`)), PATIENCE);
        emitter.once(event, (...values) => {
            clearTimeout(timer);
            resolve(values);
        });
    });
const opened = async (options = {}) => {
    const socket = new Socket(url, { transports, ...options });
    socket.binaryType = "arraybuffer";
    await once(socket, "open");
    return socket;
};
const echoes = async (socket, message) => {
    const echoed = once(socket, "message");
    socket.send(message);
    return (await echoed)[0];
};
const hex = (data) => Buffer.from(data).toString("hex");
const bytes = Buffer.from([0, 1, 255]);

const checks = {
    transport: async () => {
        const socket = await opened();
        if (socket.transport.name !== transports.at(-1)) {
            await once(socket, "upgrade");
        }
        same(socket.transport.name, transports.at(-1), "is on");
        same(await echoes(socket, "after"), "after");
        socket.close();
    },
    text: async () => {
        const socket = await opened();
        for (const text of ["€ 👋", "x".repeat(100_000)]) {
            same(await echoes(socket, text), text);
        }
        socket.close();
    },
    binary: async () => {
        const socket = await opened();
        same(hex(await echoes(socket, bytes)), hex(bytes));
        socket.close();
    },
    "binary as base64": async () => {
        const socket = await opened({ forceBase64: true });
        same(hex(await echoes(socket, bytes)), hex(bytes));
        socket.close();
    },
    heartbeat: async () => {
        const socket = await opened();
        await once(socket, "pong"); // which it has sent: the oldest does not tell of a ping
        await once(socket, "pong");
        same(socket.readyState, "open", "is");
        socket.close();
    },
    close: async () => {
        const socket = await opened();
        const closed = once(socket, "close");
        socket.close();
        same((await closed)[0], "forced close", "the reason was");
    },
};

for (const check of wanted) {
    let wrong = null;
    try {
        await checks[check]();
    } catch (error) {
        wrong = String(error.message ?? error);
    }
    say(check, wrong);
}
process.exit(0);
