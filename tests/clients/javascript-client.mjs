// What becomes of a member on the client of the chat (see test_javascript_client.py, which cuts the line of one of two).
//   node javascript-client.mjs URL URL_OF_THE_CUT_LINE
// It prints what happened, a line of JSON each, and waits for a line of input where it prints a question.

import { createInterface } from "node:readline";
import { ParleyClient } from "@parley-chat/client";

const [url, cutUrl] = process.argv.slice(2);
const say = (...line) => console.log(JSON.stringify(line));
const lines = createInterface({ input: process.stdin });
const input = lines[Symbol.asyncIterator]();
const ask = async (question) => {
    say(question);
    await input.next();
};
const reasonOf = (promise) => promise.then(() => "none", (error) => error.reason);
const state = (chat, status) => new Promise((resolve) => {
    const off = chat.on("state", (state) => {
        if (state.status === status) {
            off();
            resolve();
        }
    });
});

// --- refusals ---

const stranger = new ParleyClient(url, { token: "no token" });
say("a bad token", await reasonOf(stranger.ready()), stranger.state.status);
say("nobody", await reasonOf(new ParleyClient(url).call("room:list", {})));

const ann = new ParleyClient(url);
const { user } = await ann.signUp("ann", "correct horse battery");
await ann.ready();
say("no such room", await reasonOf(ann.send("nowhere", "hello")));

// --- a conversation that begins while its other side is away, and what is changed meanwhile ---

const bob = new ParleyClient(cutUrl);
const session = await bob.signUp("bob", "correct horse battery");
await bob.ready();
const { id: roomId } = await bob.call("room:create", { name: "Tea" });
await ann.call("room:join", { roomId });
const heard = [];
for (const event of ["message", "changed", "deleted", "reactions"]) {
    bob.on(event, ({ content, roomId: where }) => heard.push([event, where === roomId ? "room" : "direct", content ?? null]));
}
const first = await ann.send(roomId, "first");
const second = await ann.send(roomId, "second");
while (heard.length < 2) {
    await new Promise((resolve) => bob.on("message", resolve));
}
const lost = state(bob, "connecting");
await ask("cut");
await lost;
await ann.send({ userId: session.user.id }, "a word");
await ann.send({ userId: session.user.id }, "another");
await ann.call("message:edit", { messageId: first.id, content: "first, edited" });
await ann.call("message:delete", { messageId: second.id });
await ann.send(roomId, "third");
const sending = bob.send({ userId: user.id }, "an answer");
const answered = new Promise((resolve) => ann.on("message", ({ content }) => content === "an answer" && resolve()));
await ask("mend");
await sending;
await answered;
while (heard.length < 8) {
    await new Promise((resolve) => ["message", "changed", "deleted"].forEach((event) => bob.on(event, resolve)));
}
say("bob heard", heard.filter(([, where]) => where === "room"), heard.filter(([, where]) => where === "direct"));

// --- a session that ends while something is to be sent, and another one of the same user ---

const ended = state(bob, "signed-out");
await fetch(`${url}/auth/sign-out`, { method: "POST", headers: { authorization: `Bearer ${session.token}` } });
await ended;
const meanwhile = bob.send(roomId, "written meanwhile");
say("signed out", await reasonOf(bob.call("room:list", {})));
await bob.signIn("bob", "correct horse battery", session.deviceToken);
say("signed in again", (await meanwhile).content);
bob.close();
say("closed", await reasonOf(bob.send(roomId, "too late")));
ann.close();
lines.close(); // and with that the program ends: what is closed keeps nothing running
