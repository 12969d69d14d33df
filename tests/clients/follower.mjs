// A member of a room who keeps talking through whatever happens, and follows the room as docs/chat.md tells clients to.
//   node follower.mjs URL TOKEN ROOM NAME
// It prints what it tries, what is acknowledged and what is refused, and reads "fall silent" and "seen".

import { createInterface } from "node:readline";
import { io } from "socket.io-client";

const [url, token, roomId, name] = process.argv.slice(2);
const GAP = 250; // ms that a missing number may still come by itself
const PAUSE = 200; // ms from one message to the next
const ANSWER_WITHIN = 4000; // ms; then the same message is sent again

const say = (...line) => console.log(JSON.stringify(line));
const sleep = (time) => new Promise((resolve) => setTimeout(resolve, time));

const socket = io(url, {
    path: "/io",
    auth: { token, recovery: true },
    transports: ["websocket"],
    reconnectionDelay: 100,
    reconnectionDelayMax: 500,
    timeout: 3000,
});

// --- what the room's log holds ---

const shown = new Map(); // the messages by id
const waiting = new Map(); // what came before its turn, by its number
let applied = 0;
let complete = false;

const apply = () => {
    while (complete && waiting.has(applied + 1)) {
        applied += 1;
        const message = waiting.get(applied);
        waiting.delete(applied);
        if (message !== null) {
            shown.set(message.id, message);
        }
    }
};

const take = (page) => {
    for (const { type, message } of page.changes) {
        if (type === "message" && !(shown.get(message.id)?.changeSeq >= message.changeSeq)) {
            shown.set(message.id, message);
        }
    }
    applied = Math.max(applied, page.nextSeq);
    complete = !page.hasMore;
    for (const number of waiting.keys()) {
        if (number <= applied) {
            waiting.delete(number);
        }
    }
    apply();
};

const insist = async (event, payload) => {
    for (;;) {
        const answer = await socket.timeout(ANSWER_WITHIN).emitWithAck(event, payload).catch(() => null);
        if (answer?.ok) {
            return answer.data;
        }
        if (answer !== null) {
            // A connection that is not authenticated yet is refused for that alone, as every client of the chat is.
            if (answer.error.reason !== "unauthenticated") {
                say("refused", answer.error.reason);
            }
            await sleep(answer.error.retryAfter ?? 100);
        }
    }
};

let following = false;
const follow = async () => {
    if (following) {
        return;
    }
    following = true;
    await sleep(GAP);
    if (!complete || waiting.size > 0) {
        complete = false;
        while (!complete) {
            take(await insist("room:sync", { roomId, afterSeq: applied }));
        }
    }
    following = false;
    if (!complete || waiting.size > 0) {
        follow();
    }
};

const hear = (number, message) => {
    if (number > applied) {
        waiting.set(number, message);
        apply();
        if (waiting.size > 0) {
            follow();
        }
    }
};

socket.on("message:new", (message) => hear(message.changeSeq, message));
for (const event of ["room:user-joined", "room:user-left", "room:member-updated"]) {
    socket.on(event, ({ seq }) => hear(seq, null));
}

socket.on("room:sync-needed", ({ lastSeq }) => {
    if (lastSeq > applied) {
        complete = false;
        follow();
    }
});

socket.on("connect", async () => {
    complete = false;
    waiting.clear();
    const { id } = socket;
    let answer = null;
    while (socket.id === id && !answer?.ok) {
        answer = await socket.timeout(ANSWER_WITHIN).emitWithAck("authenticate").catch(() => null);
        if (!answer?.ok) {
            await sleep(answer?.error.retryAfter ?? 100);
        }
    }
    follow();
});

// --- what it says ---

let silent = false;
const talk = async () => {
    for (let number = 1; !silent; number += 1) {
        const content = `${name} says ${number}`;
        say("tries", content);
        const message = await insist("message:send", { roomId, content, clientId: content });
        say("acked", content, message.seq);
        await sleep(PAUSE);
    }
    say("silent");
};

createInterface({ input: process.stdin }).on("line", (line) => {
    if (line === "fall silent") {
        silent = true;
    } else if (line === "seen") {
        say("seen", [...shown.values()].map(({ seq, content }) => [seq, content]));
    }
});

talk();
