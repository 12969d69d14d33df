// A chat on Node, as a team would first build it with socket.io and pg:  node chat_server.js PORT DATABASE_URL [REDIS_URL]
// Events and routes have the names of Parley's. A message is stored by three statements, one after the other - is the
// sender a member, insert, who is the sender - and then announced to its Socket.IO room. Statements are prepared.
// With a Redis, instances hear of each other by the streams adapter. Packages are looked up in NODE_PATH.
const crypto = require("node:crypto");
const http = require("node:http");
const { Pool } = require("pg");
const { Server } = require("socket.io");

const [port, databaseUrl, redisUrl] = process.argv.slice(2);
const KEY = process.env.JWT_SECRET;
const TYPING_ENDS_MS = 3_000;
const PING_MS = 30_000;
const MAX_BODY = 65_536;
const AUTHENTICATE_WITHIN_MS = 10_000;

const SCHEMA = `
  create table if not exists users (
    id text primary key, created_at timestamptz not null default now(), modified_at timestamptz not null default now(),
    username text unique not null, display_name text, avatar text,
    is_online boolean not null default false, last_seen_at timestamptz);
  create table if not exists rooms (
    id text primary key, created_at timestamptz not null default now(), modified_at timestamptz not null default now(),
    name text not null, description text, is_private boolean not null default false,
    created_by text not null references users);
  create table if not exists room_members (
    room_id text not null references rooms, user_id text not null references users,
    role text not null default 'member', joined_at timestamptz not null default now(), last_read_at timestamptz,
    primary key (room_id, user_id));
  create table if not exists messages (
    id text primary key, created_at timestamptz not null default now(), modified_at timestamptz not null default now(),
    room_id text not null references rooms, sender_id text not null references users, content text not null,
    type text not null default 'text', metadata text, edited_at timestamptz, deleted_at timestamptz);
  create index if not exists messages_of_room on messages (room_id, created_at);
`;

const MESSAGE = `id, room_id as "roomId", sender_id as "senderId", content, type, metadata, created_at as "createdAt",
  modified_at as "modifiedAt", edited_at as "editedAt", deleted_at as "deletedAt"`;
const PERSON = `id, username, display_name as "displayName", avatar`;

const pool = new Pool({ connectionString: databaseUrl });

/** Run a statement, prepared under its name; returns the rows. */
async function rows(name, text, values) {
  return (await pool.query({ name, text, values })).rows;
}

class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

// --- accounts ---

function sign(id) {
  return crypto.createHmac("sha256", KEY).update(id).digest("base64url");
}

function tokenOf(id) {
  return `${id}.${sign(id)}`;
}

function userOf(token) {
  const [id, signature] = String(token ?? "").split(".");
  const right = Buffer.from(sign(id)), given = Buffer.from(signature ?? "");
  if (right.length !== given.length || !crypto.timingSafeEqual(right, given)) throw new Refused(401, "Unauthorized");
  return id;
}

async function signUp({ username }) {
  const [user] = await rows("sign_up",
    `insert into users (id, username) values ($1, $2) on conflict (username) do nothing returning ${PERSON}`,
    [crypto.randomUUID(), username]);
  if (!user) throw new Refused(409, "The username is taken");
  return { token: tokenOf(user.id), user };
}

// --- rooms and messages ---

async function createRoom(userId, { name, description, isPrivate }) {
  const [room] = await rows("create_room",
    `insert into rooms (id, name, description, is_private, created_by) values ($1, $2, $3, $4, $5)
     returning id, name, description, is_private as "isPrivate", created_by as "createdBy"`,
    [crypto.randomUUID(), name, description, isPrivate ?? false, userId]);
  await rows("add_admin", "insert into room_members (room_id, user_id, role) values ($1, $2, 'admin')", [room.id, userId]);
  return room;
}

async function isMember(roomId, userId) {
  const found = await rows("is_member", "select role from room_members where room_id = $1 and user_id = $2", [roomId, userId]);
  return found.length > 0;
}

async function joinRoom(roomId, userId) {
  const [room] = await rows("room", `select id, name, is_private as "isPrivate" from rooms where id = $1`, [roomId]);
  if (!room) throw new Refused(404, "Room not found");
  if (!room.isPrivate)
    await rows("join", "insert into room_members (room_id, user_id) values ($1, $2) on conflict do nothing", [roomId, userId]);
  else if (!(await isMember(roomId, userId))) throw new Refused(403, "Cannot join private room");
  return room;
}

async function sendMessage(userId, { roomId, content, type }) {
  if (!(await isMember(roomId, userId))) throw new Refused(403, "Not a member of this room");
  const [message] = await rows("send",
    `insert into messages (id, room_id, sender_id, content, type) values ($1, $2, $3, $4, $5) returning ${MESSAGE}`,
    [crypto.randomUUID(), roomId, userId, content, type ?? "text"]);
  const [sender] = await rows("person", `select ${PERSON} from users where id = $1`, [userId]);
  return { ...message, sender };
}

// --- Socket.IO ---

async function adapter() {
  if (!redisUrl) return {};
  const { createClient } = require("redis");
  const { createAdapter } = require("@socket.io/redis-streams-adapter");
  const client = createClient({ url: redisUrl });
  await client.connect();
  return { adapter: createAdapter(client) };
}

/** Have an event answered by a function, and what it refuses told to the client. */
function answer(socket, event, code, act) {
  socket.on(event, async (data, acknowledge) => {
    try {
      const result = await act(data ?? {});
      acknowledge?.({ ok: true, data: result });
    } catch (error) {
      const refusal = { code, message: error.message };
      if (acknowledge) acknowledge({ ok: false, error: refusal });
      else socket.emit("error", refusal);
    }
  });
}

function serveClient(io, socket, userId) {
  const typing = new Map();
  const tell = (roomId, isTyping) => io.to(`room:${roomId}`).emit("typing:update", { roomId, userId, isTyping });
  const stopTyping = (roomId) => {
    if (!typing.has(roomId)) return;
    clearTimeout(typing.get(roomId));
    typing.delete(roomId);
    tell(roomId, false);
  };
  socket.join(userId);
  io.emit("presence:changed", { userId, status: "online", lastSeenAt: new Date().toISOString() });

  answer(socket, "room:join", "JOIN_FAILED", async ({ roomId }) => {
    const room = await joinRoom(roomId, userId);
    socket.join(`room:${roomId}`);
    io.to(`room:${roomId}`).emit("room:user-joined", { roomId, userId });
    return room;
  });
  answer(socket, "room:leave", "LEAVE_FAILED", async ({ roomId }) => {
    socket.leave(`room:${roomId}`);
    await rows("leave", "delete from room_members where room_id = $1 and user_id = $2", [roomId, userId]);
    io.to(`room:${roomId}`).emit("room:user-left", { roomId, userId });
  });
  answer(socket, "message:send", "SEND_FAILED", async (data) => {
    const message = await sendMessage(userId, data);
    io.to(`room:${data.roomId}`).emit("message:new", message);
    stopTyping(data.roomId);
    return message;
  });
  answer(socket, "typing:start", "TYPING_FAILED", async ({ roomId }) => {
    clearTimeout(typing.get(roomId));
    typing.set(roomId, setTimeout(() => stopTyping(roomId), TYPING_ENDS_MS));
    tell(roomId, true);
  });
  answer(socket, "typing:stop", "TYPING_FAILED", async ({ roomId }) => stopTyping(roomId));

  const ping = setInterval(() => socket.emit("ping", { time: new Date().toISOString() }), PING_MS);
  socket.on("disconnect", () => {
    clearInterval(ping);
    for (const roomId of [...typing.keys()]) stopTyping(roomId);
    io.emit("presence:changed", { userId, status: "offline", lastSeenAt: new Date().toISOString() });
  });
}

function welcome(io, socket) {
  const late = setTimeout(() => socket.disconnect(true), AUTHENTICATE_WITHIN_MS);
  socket.once("disconnect", () => clearTimeout(late));
  socket.once("authenticate", () => {
    clearTimeout(late);
    const time = new Date().toISOString();
    try {
      const userId = userOf(socket.handshake.auth.token);
      serveClient(io, socket, userId);
      socket.emit("authenticated", { id: socket.id, userId, time });
    } catch (error) {
      socket.emit("unauthenticated", { message: error.message, time });
      socket.disconnect(true);
    }
  });
}

// --- HTTP ---

async function bodyOf(request) {
  let text = "";
  for await (const chunk of request) {
    text += chunk;
    if (text.length > MAX_BODY) throw new Refused(413, "Too long");
  }
  return JSON.parse(text);
}

async function route(request) {
  const asked = `${request.method} ${request.url}`;
  if (asked === "POST /auth/sign-up") return signUp(await bodyOf(request));
  const userId = userOf((request.headers.authorization ?? "").replace(/^Bearer /, ""));
  if (asked === "POST /chat/rooms") return createRoom(userId, await bodyOf(request));
  throw new Refused(404, "Not found");
}

async function serveRequest(request, response) {
  let status = 201, body;
  try {
    body = await route(request);
  } catch (error) {
    status = error.status ?? 500;
    body = { message: error.message, statusCode: status };
  }
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

async function serve() {
  await pool.query(SCHEMA);
  const server = http.createServer(serveRequest);
  const io = new Server(server, { path: "/io", ...(await adapter()) });
  io.on("connection", (socket) => welcome(io, socket));
  server.listen({ host: "127.0.0.1", port: Number(port), backlog: 4096 });
}

serve();
