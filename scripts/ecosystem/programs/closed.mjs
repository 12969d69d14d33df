// Whether a server notices that a client has gone that polled through a proxy. Prints [CHECK, null or what is wrong].
//   node closed.mjs PROXY_URL SERVER_URL CHECK

import { fork } from "node:child_process";
import { setTimeout as pause } from "node:timers/promises";
import { io } from "socket.io-client";

const [proxy, server, check] = process.argv.slice(2);
const WITHIN = 5000; // ms; a ping's timeout is far longer
const connected = async (url, transports) => {
    const socket = io(url, { auth: { token: "secret" }, transports, forceNew: true });
    await new Promise((resolve, reject) => socket.once("connect", resolve).once("connect_error", reject));
    return socket;
};

if (server === undefined) {
    process.send((await connected(proxy, ["polling"])).id);
} else {
    const watcher = await connected(server, ["websocket"]);
    const tab = fork(new URL(import.meta.url), [proxy]);
    const id = await new Promise((resolve) => tab.once("message", resolve));
    await pause(500); // its long poll waits
    const there = async () => (await watcher.timeout(WITHIN).emitWithAck("sockets")).includes(id);
    let wrong = (await there()) ? null : "the client was not there";
    tab.kill("SIGKILL");
    const until = Date.now() + WITHIN;
    while (await there()) {
        if (Date.now() > until) {
            wrong = `the client was still there after ${WITHIN} ms`;
            break;
        }
        await pause(100);
    }
    console.log(JSON.stringify([check, wrong]));
    process.exit(0);
}
