// A Socket.IO server on a Redis stream that the tests' servers share. It does what it is told on its standard input, a
// JSON array [NUMBER, VERB, ...] a line, and prints [NUMBER, "done" or "failed", ...], and what happens to it.
//   node server.mjs REDIS_URL OPTIONS      OPTIONS, a JSON object, are those of the adapter, and connectionStateRecovery

import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { createAdapter } from "@socket.io/redis-streams-adapter";
import { createClient } from "redis";
import { Server } from "socket.io";

const [url, options] = process.argv.slice(2);
const { pathname, searchParams } = new URL(url);
const redis = url.startsWith("unix:")
    ? createClient({ socket: { path: pathname }, database: Number(searchParams.get("db") ?? 0) })
    : createClient({ url });
redis.on("error", () => {});
await redis.connect();

// Binary is {"hex": …} on the way.
const written = (value) => {
    if (value instanceof Uint8Array || value instanceof ArrayBuffer) {
        return { hex: Buffer.from(value).toString("hex") };
    }
    if (value instanceof Set || Array.isArray(value)) {
        return [...value].map(written);
    }
    if (value !== null && typeof value === "object") {
        return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, written(inner)]));
    }
    return value === undefined ? null : value;
};
const read = (_key, value) =>
    value !== null && typeof value === "object" && typeof value.hex === "string"
        ? Buffer.from(value.hex, "hex")
        : value;
const say = (...line) => console.log(JSON.stringify(written(line)));

const http = createServer();
const { connectionStateRecovery, ...adapterOptions } = JSON.parse(options);
const io = new Server(http, { adapter: createAdapter(redis, adapterOptions), connectionStateRecovery });

const serve = (nsp) => {
    const namespace = io.of(nsp);
    namespace.on("connection", (socket) => {
        socket.data.name = socket.handshake.auth.name;
        if (!socket.handshake.auth.textual) {
            socket.data.blob = Buffer.from([0, 255]); // which Node's admin UI cannot take
        }
        socket.join(["all", socket.data.name]);
        socket.on("disconnect", (reason) => say("gone", socket.data.name, reason));
    });
    namespace.on("hello", (...values) => say("hello", nsp, ...values));
    namespace.on("question", (value, answer) => answer({ from: "node", value }));
    namespace.on("silence", () => {});
};

const operator = (nsp, { rooms = [], except = [], flags = {} }) => {
    let chosen = io.of(nsp).to(rooms).except(except);
    if (flags.volatile) {
        chosen = chosen.volatile;
    }
    if (flags.local) {
        chosen = chosen.local;
    }
    return flags.timeout ? chosen.timeout(flags.timeout) : chosen;
};

const describe = ({ id, handshake, rooms, data }) => ({ id, handshake, rooms, data });

const verbs = {
    serve,
    emit: (nsp, target, ...values) => operator(nsp, target).emit(...values),
    ask: (nsp, target, ...values) => operator(nsp, target).emitWithAck(...values),
    fetch: async (nsp, target) => (await operator(nsp, target).fetchSockets()).map(describe),
    join: (nsp, target, rooms) => operator(nsp, target).socketsJoin(rooms),
    leave: (nsp, target, rooms) => operator(nsp, target).socketsLeave(rooms),
    disconnect: (nsp, target, close) => operator(nsp, target).disconnectSockets(close),
    tell: (nsp, ...values) => io.of(nsp).serverSideEmit(...values),
    askServers: (nsp, ...values) => io.of(nsp).serverSideEmitWithAck(...values),
    // A verb of the one socket that a target means.
    remote: async (nsp, target, verb, ...values) => {
        const [socket] = await operator(nsp, target).fetchSockets();
        if (verb === "ask") {
            return socket.timeout(20_000).emitWithAck(...values);
        }
        socket[verb](...values);
    },
    uid: (nsp) => io.of(nsp).adapter.uid,
    instrument: async (options) => {
        const { instrument } = await import("@socket.io/admin-ui");
        instrument(io, options);
    },
    rooms: (nsp) => [...io.of(nsp).sockets.values()].map((socket) => socket.rooms),
    // An entry as `@socket.io/redis-streams-emitter` writes it, which is not in every registry.
    entry: (stream, fields) => redis.xAdd(stream, "*", fields),
};

serve("/");
http.listen(0, "127.0.0.1", () => say("listening", http.address().port));

for await (const line of createInterface({ input: process.stdin })) {
    const [number, verb, ...args] = JSON.parse(line, read);
    Promise.resolve()
        .then(() => verbs[verb](...args))
        .then((value) => say(number, "done", value))
        .catch((error) => say(number, "failed", error.message, error.responses ?? null));
}
process.exit(0);
