// The reference, socket.io on Node, for tests that ask it what they ask our server. It echoes events and their
// acknowledgements, prints its port, and ends with its standard input.
//   node reference.mjs OPTIONS      OPTIONS, a JSON object, are those of the server. A value may be {"pattern": SOURCE},
//                                   {"allow": [ORIGIN]} for a function that allows these, {"fail": true} for one that fails,
//                                   and {"package": NAME} for what a package exports.

import { createServer } from "node:http";
import { createRequire } from "node:module";
import { Server } from "socket.io";

const require = createRequire(import.meta.url);
const read = (_key, value) => {
    if (typeof value?.pattern === "string") {
        return new RegExp(value.pattern);
    }
    if (Array.isArray(value?.allow)) {
        return (origin, answer) => setImmediate(answer, null, value.allow.includes(origin));
    }
    if (value?.fail === true) {
        return (_origin, answer) => answer(new Error("no database"));
    }
    return typeof value?.package === "string" ? require(value.package) : value;
};

// What JavaScript has for a value, and its bytes where it has some.
const kind = (value) => {
    if (value instanceof Date) {
        return ["date", value.getTime()];
    }
    if (value instanceof ArrayBuffer || value instanceof Uint8Array) {
        return ["binary", Buffer.from(value).toString("hex")];
    }
    return value === undefined ? ["nothing"] : ["other"];
};

const http = createServer();
const io = new Server(http, JSON.parse(process.argv[2], read));
const changes = [];
for (const change of ["create", "join", "leave", "delete"]) {
    io.of("/").adapter.on(`${change}-room`, (...args) => changes.push([change, ...args]));
}
const made = [];
io.on("new_namespace", (namespace) => made.push(namespace.name));
io.of("/fixed");
io.of(/^\/dynamic-\d$/);
io.on("connection", (socket) => {
    const happened = [];
    socket.conn.on("packet", ({ type }) => happened.push(type));
    socket.conn.on("upgrade", ({ name }) => happened.push(name));
    socket.on("happened", (answer) => answer(happened));
    socket.on("made", (answer) => answer(made));
    socket.on("join", (rooms) => socket.join(rooms));
    socket.on("quit", (room) => socket.leave(room));
    socket.on("changes", (answer) => answer(changes));
    socket.on("echo", (...values) => {
        const answer = typeof values.at(-1) === "function" ? values.pop() : () => {};
        socket.emit("echo", ...values);
        answer(...values);
    });
    socket.on("leave", () => socket.disconnect(true));
    const { after } = socket.handshake.auth;
    if (after !== undefined) {
        setTimeout(() => socket.disconnect(true), after);
    }
    socket.on("kinds", (values, answer) => answer(values.map(kind)));
});
io.engine.on("initial_headers", (headers) => (headers["x-first"] = "1"));
io.engine.on("headers", (headers) => (headers["x-every"] = "2"));
http.listen(0, "127.0.0.1", () => console.log(http.address().port));
process.stdin.resume().on("end", () => process.exit(0));
