// Many devices on the official client, for scripts/soak. It reads what they are to do, a JSON array a line, and prints what
// happens to them.
//   [DEVICE, "start", URL, TOKEN, TRANSPORTS]   [DEVICE, "call", NUMBER, EVENT, PAYLOAD]   [DEVICE, "stop"]
//   [DEVICE, "opened", SOCKET_ID]   [DEVICE, "lost", REASON]   [DEVICE, "heard", EVENT, PAYLOAD]
//   [DEVICE, "answered", NUMBER, ANSWER]

import { createInterface } from "node:readline";
import { io } from "socket.io-client";

const say = (...line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const sockets = new Map();

const verbs = {
    start(device, url, token, transports) {
        const socket = io(url, {
            path: "/io",
            auth: { token, recovery: true },
            transports,
            forceNew: true,
            reconnectionDelay: 100,
            reconnectionDelayMax: 500,
            timeout: 3000,
        });
        sockets.set(device, socket);
        socket.on("connect", () => say(device, "opened", socket.id));
        socket.on("disconnect", (reason) => say(device, "lost", reason));
        socket.onAny((event, payload) => say(device, "heard", event, payload));
    },
    call(device, number, event, payload) {
        const socket = sockets.get(device);
        if (socket.connected) {
            socket.emit(event, payload, (answer) => say(device, "answered", number, answer));
        }
    },
    stop(device) {
        sockets.get(device)?.disconnect();
    },
};

const input = createInterface({ input: process.stdin });
input.on("line", (line) => {
    const [device, verb, ...args] = JSON.parse(line);
    verbs[verb](device, ...args);
});
input.once("close", () => process.exit()); // whoever started it is gone
