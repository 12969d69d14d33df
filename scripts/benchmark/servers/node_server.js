// The benchmark's application on Node's socket.io with ws:  node node_server.js PORT [REDIS_URL]
// With a Redis, by its streams adapter. The packages are looked up in NODE_PATH: they are installed outside this folder.
const http = require("node:http");
const { Server } = require("socket.io");

const [port, url] = process.argv.slice(2);

async function adapter() {
  if (!url) return {};
  const { createClient } = require("redis");
  const { createAdapter } = require("@socket.io/redis-streams-adapter");
  const client = createClient({ url });
  await client.connect();
  return { adapter: createAdapter(client) };
}

async function serve() {
  const server = http.createServer();
  const io = new Server(server, await adapter());

  io.on("connection", (socket) => {
    const { room } = socket.handshake.auth;
    socket.join(room);
    socket.on("msg", (data) => io.to(room).emit("msg", data));
    socket.on("echo", (data, acknowledge) => acknowledge(data));
    socket.on("pass", (data, acknowledge) => {
      socket.emit("msg", data);
      acknowledge(data);
    });
  });

  server.listen({ host: "127.0.0.1", port: Number(port), backlog: 4096 });
}

serve();
