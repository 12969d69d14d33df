// A member of a room on the official client: says something again and again, and hears what is said, whatever becomes
// of the connection. Prints a JSON array a line: ["acked", content], ["has", content], ["twice", content].
//   node member.mjs URL TOKEN ROOM TRANSPORTS NAME      says NAME-0, NAME-1, … until a line comes on its input

import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { io } from "socket.io-client";

const [url, token, roomId, transports, name] = process.argv.slice(2);
const EVERY = 50; // ms
const PATIENCE = 3000; // ms until what is not acknowledged is said again

const say = (...line) => console.log(JSON.stringify(line));
const heard = new Set();
const known = new Set();
let synced = 0;

const keep = (message) => {
    if (!known.has(message.id)) {
        known.add(message.id);
        say("has", message.content);
    }
};

const socket = io(url, {
    path: "/io",
    auth: { token, recovery: true },
    transports: transports.split(","),
    reconnectionDelay: 100,
    reconnectionDelayMax: 500,
});
// Fails where the connection does, or the server takes too long.
const ask = async (event, payload) => {
    const answer = await socket.timeout(PATIENCE).emitWithAck(event, payload);
    if (!answer.ok) {
        throw new Error(`${event}: ${answer.error.reason}`);
    }
    return answer.data;
};
const insist = async (event, payload) => {
    for (;;) {
        try {
            return await ask(event, payload);
        } catch (error) {
            console.error(name, String(error));
            await pause(EVERY);
        }
    }
};

socket.on("message:new", (message) => {
    if (heard.has(message.id)) {
        say("twice", message.content);
    }
    heard.add(message.id);
    keep(message);
});
socket.on("connect", async () => {
    try {
        await ask("authenticate", {});
        for (let more = true; more; ) {
            const page = await ask("room:sync", { roomId, afterSeq: synced });
            page.changes.filter((change) => change.type === "message").forEach((change) => keep(change.message));
            synced = page.nextSeq;
            more = page.hasMore;
        }
    } catch (error) {
        console.error(name, String(error)); // the connection was lost again: the next one begins anew
    }
});

let told = false;
const input = createInterface({ input: process.stdin });
input.once("line", () => {
    told = true;
});
input.once("close", () => process.exit()); // whoever started it is gone
for (let number = 0; !told; number += 1) {
    const content = `${name}-${number}`;
    await insist("message:send", { roomId, content, clientId: content });
    say("acked", content);
    await pause(EVERY);
}
