// The checks of a socket.io-client, of the version that is installed beside this file. Prints [CHECK, null or what is wrong],
// a JSON array a line.
//   node client.mjs URL TRANSPORTS CHECK...      TRANSPORTS is a list with commas

import { createRequire } from "node:module";
import process from "node:process"; // Deno has no global one
import { Buffer } from "node:buffer";

const module = createRequire(import.meta.url)("socket.io-client");
const io = module.io ?? module;
const [url, list, ...wanted] = process.argv.slice(2);
const transports = list.split(",");
const PATIENCE = 15_000; // ms

const say = (...line) => console.log(JSON.stringify(line));
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const same = (found, expected, what = "got") => {
    const [one, other] = [JSON.stringify(found), JSON.stringify(expected)];
    if (one !== other) {
        throw new Error(`${what} ${one.slice(0, 200)}, not ${other.slice(0, 200)}`);
    }
};
const within = (promise, what) => {
    let timer;
    const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`waited in vain for ${what}`)), PATIENCE);
    });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
};
const once = (emitter, event) =>
    within(new Promise((resolve) => emitter.once(event, (...values) => resolve(values))), event);
const ask = (socket, ...values) =>
    within(new Promise((resolve) => socket.emit(...values, (...answer) => resolve(answer))), `the answer to ${values[0]}`);

const made = [];
const connect = (auth = { token: "secret", recovery: true }) => {
    const socket = io(url, { transports, auth, forceNew: true, reconnectionDelay: 200, reconnectionDelayMax: 400 });
    made.push(socket);
    return socket;
};
const connected = async () => {
    const socket = connect();
    await once(socket, "connect");
    return socket;
};
const settled = async (socket) => {
    const { engine } = socket.io;
    if (engine.transport.name !== transports.at(-1)) {
        await once(engine, "upgrade");
    }
    return engine.transport.name;
};

const checks = {
    "connect with auth": async () => {
        const refused = connect({ token: "wrong" });
        const [error] = await once(refused, "connect_error");
        same([error.message, error.data], ["no entry", { code: 7 }], "refused with");
        const socket = await connected();
        const [{ auth }] = await ask(socket, "who am i");
        same(auth, { token: "secret" }); // what asks for recovery is not for the application
    },
    transport: async () => {
        const socket = await connected();
        same(await settled(socket), transports.at(-1), "is on");
        const [{ transport }] = await ask(socket, "who am i");
        same(transport, transports.at(-1), "the server sees");
    },
    "event and ack": async () => {
        const socket = await connected();
        const values = ["€ 👋", 1.5, null, true, { a: [{ b: [] }] }, "x".repeat(100_000)];
        const echoed = once(socket, "echo");
        same(await ask(socket, "echo", ...values), values, "the ack had");
        same((await echoed).slice(0, values.length), values, "the event had"); // recovery adds an offset
        socket.on("ask", (value, answer) => answer(value + 1));
        same(await ask(socket, "ask me", 41), [42], "the server was answered");
    },
    binary: async () => {
        const socket = await connected();
        const hex = (values) => values.map(({ blob }) => Buffer.from(blob).toString("hex"));
        const values = [Buffer.from([0, 1, 255]), Buffer.alloc(70_000, 7)].map((blob) => ({ blob }));
        const echoed = once(socket, "echo");
        same(hex(await ask(socket, "echo", ...values)), hex(values), "the ack had");
        same(hex((await echoed).slice(0, values.length)), hex(values), "the event had");
    },
    "broadcast to a room": async () => {
        const [one, two, outside] = await Promise.all([connected(), connected(), connected()]);
        const room = `room-${one.id}`;
        const strays = [];
        outside.on("told", (value) => strays.push(value));
        await Promise.all([ask(one, "enter", room), ask(two, "enter", room)]);
        const heard = [once(one, "told"), once(two, "told")];
        await ask(outside, "tell", room, "news");
        same((await Promise.all(heard)).map(([value]) => value), ["news", "news"]);
        same(await ask(outside, "echo", 1), [1]);
        same(strays, [], "a socket outside the room heard");
    },
    reconnect: async () => {
        const socket = await connected();
        const { id } = socket;
        const back = once(socket, "connect");
        socket.io.engine.close();
        await back;
        same(socket.id !== id, true, "has a new id:");
        same(await ask(socket, "echo", 1), [1]);
    },
    "reconnect with recovery": async () => {
        const [socket, other] = await Promise.all([connected(), connected()]);
        const { id } = socket;
        await ask(socket, "enter", "kept");
        const heard = once(socket, "told");
        await ask(other, "tell", "kept", "before"); // a client that has heard nothing has no offset to recover from
        await heard;
        await settled(socket);
        const gone = once(socket, "disconnect");
        const back = once(socket, "connect");
        const missed = once(socket, "told");
        socket.io.engine.close();
        await gone;
        await ask(other, "tell", "kept", "missed");
        await back;
        same([socket.recovered, socket.id === id], [true, true], "recovered, with the same id:");
        same((await missed)[0], "missed");
    },
    "disconnect by the server": async () => {
        const socket = await connected();
        const gone = once(socket, "disconnect");
        socket.emit("leave");
        same((await gone)[0], "io server disconnect", "the reason was");
        await pause(600); // longer than the delay before a reconnection
        same(socket.connected, false, "connected again:");
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
    made.splice(0).forEach((socket) => socket.disconnect());
}
process.exit(0);
