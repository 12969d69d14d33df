// scripts/ecosystem/server.py on Node, with the streams adapter that is installed beside this file. Prints its port.
//   node peer.mjs REDIS_URL

import { createServer } from "node:http";
import { createAdapter } from "@socket.io/redis-streams-adapter";
import { createClient } from "redis";
import { Server } from "socket.io";

const redis = createClient({ url: process.argv[2] });
await redis.connect();
const http = createServer();
const io = new Server(http, { adapter: createAdapter(redis), connectionStateRecovery: {} });
io.use((socket, next) => {
    next(socket.handshake.auth.token === "secret" ? undefined : Object.assign(new Error("no entry"), { data: { code: 7 } }));
});
io.on("greeting", (text) => io.local.emit("greeted", text));
io.on("connection", (socket) => {
    socket.on("enter", async (room, answer) => answer((await socket.join(room)) ?? true));
    socket.on("tell", (room, value, answer) => answer(io.to(room).emit("told", value)));
    socket.on("sockets", async (answer) => {
        const found = await io.fetchSockets().catch(() => []); // others did not answer
        answer(found.map(({ id }) => id));
    });
    socket.on("expel", (id, answer) => {
        io.in(id).disconnectSockets(true);
        answer(true);
    });
    socket.on("greet others", (text, answer) => {
        io.serverSideEmit("greeting", text);
        answer(true);
    });
});
http.listen(0, "127.0.0.1", () => console.log(http.address().port));
process.stdin.resume().on("end", () => process.exit(0));
