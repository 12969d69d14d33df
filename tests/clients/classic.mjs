// A Socket.IO server with the classic adapter, and an emitter of its kind, on the Redis of the tests' servers. Each sends
// COUNT events to all clients and to a room.
//   node classic.mjs REDIS_URL COUNT [KEY]

import { createAdapter } from "@socket.io/redis-adapter";
import { Emitter } from "@socket.io/redis-emitter";
import { createClient } from "redis";
import { Server } from "socket.io";

const [url, count, key = "socket.io"] = process.argv.slice(2);
const { pathname, searchParams } = new URL(url);
const publisher = url.startsWith("unix:")
    ? createClient({ socket: { path: pathname }, database: Number(searchParams.get("db") ?? 0) })
    : createClient({ url });
const subscriber = publisher.duplicate();
await Promise.all([publisher.connect(), subscriber.connect()]);
const io = new Server({ adapter: createAdapter(publisher, subscriber, { key }) });
const emitter = new Emitter(publisher, { key });
for (let number = 0; number < Number(count); number++) {
    for (const sender of [io, emitter]) {
        sender.emit("news", number);
        sender.to("room").emit("news", number, Buffer.from([0, 255]));
    }
}
await publisher.ping(); // behind all that was sent
process.exit(0);
