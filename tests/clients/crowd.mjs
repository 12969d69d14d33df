// Many members of the chat at once, each with the official client: all connect, all send, all hear what their rooms are told.
//   node crowd.mjs URL '{"options": {…}, "transport": "websocket", "messages": 3, "rooms": {"ROOM": ["TOKEN", …]}}'
// Ends when all have heard all, over the transport that they are to come to. Prints one JSON object: how many clients there
// were, and everything that went wrong, of which what a client missed or heard twice is some.

import { io } from "socket.io-client";

const [url, text] = process.argv.slice(2);
const { options, transport, messages, rooms } = JSON.parse(text);
const faults = [];
const AT_ONCE = 25;

const member = (room, token, number) => {
    // A connection of its own for each, as in as many browsers.
    const socket = io(url, { path: "/io", auth: { token }, forceNew: true, reconnection: false, ...options });
    const name = `${room} ${number}`;
    const heard = [];
    let enough = () => {};
    socket.on("connect_error", (error) => faults.push([name, "connect_error", String(error)]));
    socket.on("disconnect", (reason, details) => {
        const why = [details?.message, details?.description, details?.context?.responseText].map(String);
        leaving || faults.push([name, "disconnect", reason, ...why]);
    });
    socket.io.engine.on("upgradeError", (error) => faults.push([name, "upgradeError", String(error)]));
    socket.on("message:new", ({ content, roomId }) => {
        heard.push(roomId === room ? content : `not for ${room}: ${content}`);
        enough();
    });
    const hears = (count) =>
        new Promise((resolve, reject) => {
            socket.once("disconnect", reject);
            enough = () => heard.length >= count && resolve();
            enough();
        });
    return { socket, room, name, heard, hears };
};

const ask = async (socket, event, payload) => {
    const answer = await socket.emitWithAck(event, payload);
    if (!answer.ok) {
        faults.push([event, answer.error]);
    }
};

const enter = async ({ socket }) => {
    await new Promise((resolve) => socket.once("connect", resolve));
    await ask(socket, "authenticate");
};

let leaving = false;
const clients = Object.entries(rooms).flatMap(([room, tokens]) => tokens.map((token, number) => [room, token, number]));
const members = [];
const all = (work) => Promise.all(members.map(work));

try {
    // So many come at a time, and show at once who they are: there is a time for that, and for the change of transport.
    for (let first = 0; first < clients.length; first += AT_ONCE) {
        const coming = clients.slice(first, first + AT_ONCE).map(([room, token, number]) => member(room, token, number));
        members.push(...coming);
        await Promise.all(coming.map(enter));
    }
    // The first message goes out while transports change, the others when they have.
    for (let number = 0; number < messages; number++) {
        await all(({ socket, room, name }) => ask(socket, "message:send", { roomId: room, content: `${name}: ${number}` }));
        await all(({ hears, room }) => hears(rooms[room].length * (number + 1)));
    }
    await all(async ({ socket }) => {
        const { engine } = socket.io;
        while (engine.transport.name !== transport) {
            await new Promise((resolve) => engine.once("upgrade", resolve));
        }
    });
} catch (error) {
    faults.push(["everybody", String(error)]);
}
for (const { room, name, heard } of members) {
    const wanted = members
        .filter((other) => other.room === room)
        .flatMap((other) => Array.from({ length: messages }, (_, number) => `${other.name}: ${number}`));
    const [told, expected] = [heard, wanted].map((list) => JSON.stringify([...list].sort()));
    if (told !== expected) {
        faults.push([name, "heard", heard]);
    }
}
leaving = true;
await all(({ socket }) => socket.disconnect());
console.log(JSON.stringify({ clients: members.length, faults }));
