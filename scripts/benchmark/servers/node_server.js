// The benchmark's application on Node's socket.io with ws:  node node_server.js PORT
// socket.io is looked up in NODE_PATH, because it is installed outside this folder.
const http = require("node:http");
const { Server } = require("socket.io");

const server = http.createServer();
const io = new Server(server);

io.on("connection", (socket) => {
  socket.join("room");
  socket.on("msg", (data) => io.to("room").emit("msg", data));
  socket.on("echo", (data, acknowledge) => acknowledge(data));
});

server.listen({ host: "127.0.0.1", port: Number(process.argv[2]), backlog: 4096 });
