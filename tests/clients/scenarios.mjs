// What the official client does in each scenario; the server of the test plays along.

import { io } from "socket.io-client";
import * as msgpack from "socket.io-msgpack-parser";

const once = (emitter, event) => new Promise((resolve) => emitter.once(event, (...args) => resolve(args)));

const connect = ({ url, transports }, namespace = "/", options = {}) =>
    io(url + namespace, { transports, reconnectionDelay: 20, reconnectionDelayMax: 50, ...options });

const connected = async (context, ...args) => {
    const socket = connect(context, ...args);
    await once(socket, "connect");
    return socket;
};

// The name of the transport once there is nothing left to upgrade to.
const transport = async (socket, { transports }) => {
    const { engine } = socket.io;
    if (engine.transport.name !== transports.at(-1)) {
        await once(engine, "upgrade");
    }
    return engine.transport.name;
};

// All values of an ack.
const ask = (socket, ...args) => new Promise((resolve) => socket.emit(...args, (...values) => resolve(values)));

const values = () => ["€ 👋", 1.5, null, true, { a: [{ b: Buffer.from([0, 1, 255]) }] }, Buffer.from("binary")];

const events = async (context) => {
    const { say } = context;
    const socket = await connected(context);
    say("echo", ...(await ask(socket, "echo", ...values())));
    const echoed = once(socket, "echo");
    socket.emit("echo", ...values());
    say("echoed", ...(await echoed));
    say("transport", await transport(socket, context));

    say("echo", ...(await ask(socket, "echo", ...values())));
    say("no values", ...(await ask(socket, "echo")));
    socket.on("ask", (value, answer) => answer(value, "second"));
    say("asked", ...(await ask(socket, "ask me", Buffer.from([7]))));
    say("asked", ...(await ask(socket, "ask me", "text")));

    await socket.timeout(50).emitWithAck("unheard").catch((error) => say("no ack", error.message));
    say("server", ...(await ask(socket, "ask in vain")));

    const news = once(socket, "news");
    socket.emit("tell all", "x".repeat(100_000));
    say("news", (await news)[0].length);
    socket.disconnect();
};

// A client that takes no binary frames, and offers a subprotocol.
const text = async (context) => {
    const { say } = context;
    const socket = await connected(context, "/", { forceBase64: true, protocols: ["v1"] });
    say("echo", ...(await ask(socket, "echo", ...values())));
    say("transport", await transport(socket, context));
    const echoed = once(socket, "echo");
    say("echo", ...(await ask(socket, "echo", ...values())));
    say("echoed", ...(await echoed));
    socket.on("ask", (value, answer) => answer(value));
    say("asked", ...(await ask(socket, "ask me", Buffer.alloc(0))));
    socket.disconnect();
};

const order = async (context) => {
    // In one go, from before the connection is there to after the upgrade.
    const socket = connect(context);
    const received = [];
    const all = new Promise((resolve) => {
        socket.on("echo", (number, data) => {
            received.push(data.length === number % 7 ? number : -1);
            if (received.length === 300) resolve();
        });
    });
    for (let number = 0; number < 100; number++) socket.emit("echo", number, Buffer.alloc(number % 7));
    await once(socket, "connect");
    for (let number = 100; number < 200; number++) socket.emit("echo", number, Buffer.alloc(number % 7));
    await transport(socket, context);
    for (let number = 200; number < 300; number++) socket.emit("echo", number, Buffer.alloc(number % 7));
    await all;
    context.say("in order", received.every((number, index) => number === index));
    socket.disconnect();
};

const namespaces = async (context) => {
    const { say } = context;
    const main = await connected(context);
    const custom = await connected(context, "/custom", { auth: { token: "€" } });
    say("one connection", main.io === custom.io, main.id !== custom.id, main.id !== main.io.engine.id);
    say("auth", ...(await ask(custom, "auth")));
    say("whereabouts", ...(await ask(main, "where")), ...(await ask(custom, "where")));
    const room = await connected(context, "/room-7");
    say("dynamic", ...(await ask(room, "where")));

    const unknown = connect(context, "/unknown");
    const [invalid] = await once(unknown, "connect_error");
    say("unknown", invalid.message, invalid.data, unknown.active);

    const guarded = connect(context, "/guarded");
    const [error] = await once(guarded, "connect_error");
    say("refused", error.message, error.data, guarded.active);
    guarded.auth = { token: "secret" };
    guarded.connect();
    await once(guarded, "connect");
    say("let in", guarded.connected);

    custom.disconnect();
    say("still there", ...(await ask(main, "where")));
    custom.connect();
    await once(custom, "connect");
    say("back", ...(await ask(custom, "where")));
    main.io._close();
};

const reasons = async (context) => {
    const { say } = context;
    const main = await connected(context);
    const custom = await connected(context, "/custom");
    await transport(main, context);
    const reason = async (socket, act) => {
        const gone = once(socket, "disconnect");
        act();
        return (await gone)[0];
    };
    say("client", await reason(main, () => main.disconnect()), main.active);
    main.connect();
    await once(main, "connect");
    say("server", await reason(main, () => main.emit("leave", false)), main.active);
    say("other", custom.connected, ...(await ask(custom, "where")));
    main.connect();
    await once(main, "connect");
    const both = Promise.all([once(main, "disconnect"), once(custom, "disconnect")]);
    main.emit("leave", true);
    say("server, all", ...(await both).map(([why]) => why));

    const again = await connected(context, "/", { forceNew: true });
    await transport(again, context);
    for (let count = 0; count < 3; count++) await once(again.io, "ping");
    say("alive", ...(await ask(again, "where")));
    again.disconnect();
};

const reconnection = async (context) => {
    const { say, proceed } = context;
    const socket = await connected(context);
    await transport(socket, context);
    let { id } = socket;
    const back = async () => {
        await once(socket, "connect");
        say("back", socket.id !== id, Boolean(socket.recovered));
        ({ id } = socket);
        await transport(socket, context);
        say("works", ...(await ask(socket, "where")));
    };

    let gone = once(socket, "disconnect");
    socket.emit("cut me off");
    const [[reason]] = await Promise.all([gone, back()]);
    say("cut off", reason);

    say("ready for the restart");
    gone = once(socket, "disconnect");
    const returned = back();
    const [restarted] = await gone;
    const kept = ask(socket, "echo", "sent while away");
    say("gone", restarted);
    await proceed();
    await returned;
    say("kept", ...(await kept));
    socket.disconnect();
};

const parser = async (context) => {
    const { say } = context;
    const socket = await connected(context, "/", { parser: msgpack });
    say("transport", await transport(socket, context));
    const sent = [...values(), new Date(1234567890123), undefined];
    say("echo", ...(await ask(socket, "echo", ...sent)));
    const echoed = once(socket, "echo");
    socket.emit("echo", ...sent);
    say("echoed", ...(await echoed));
    socket.on("ask", (value, answer) => answer(value));
    say("asked", ...(await ask(socket, "ask me", Buffer.from([7]))));
    const guarded = connect(context, "/guarded", { parser: msgpack });
    const [error] = await once(guarded, "connect_error");
    say("refused", error.message, error.data);
    socket.disconnect();
};

// Away again and again: first when nothing was heard yet, in the end while the server is started again.
const recovering = (options) => async (context) => {
    const { say, proceed } = context;
    const socket = await connected(context, "/", options);
    const heard = [];
    socket.on("n", (number, data) => heard.push([number, data]));
    const { id } = socket;
    const back = async () => {
        await once(socket, "connect");
        say("back", socket.recovered, socket.id === id, ...heard.splice(0));
        await transport(socket, context);
    };
    for (let turn = 0; turn < 3; turn++) {
        await transport(socket, context);
        const returned = back();
        socket.emit("cut me off for a moment", turn);
        await returned;
    }
    const returned = back();
    const gone = once(socket, "disconnect");
    say("ready for the restart");
    await gone;
    await proceed();
    await returned;
    socket.disconnect();
    socket.connect();
    await once(socket, "connect");
    say("anew", socket.recovered, socket.id === id);
    socket.disconnect();
};

// Many clients, each of which the server disconnects as many ms after it connected as the client says. Says the reasons,
// whether a client would come back, and how often each.
const dismissals = async (context) => {
    const found = {};
    const dismissed = async (after) => {
        const socket = connect(context, "/", { auth: { after }, forceNew: true });
        const [reason] = await once(socket, "disconnect");
        const outcome = `${reason}, ${socket.active ? "comes back" : "stays away"}`;
        found[outcome] = (found[outcome] ?? 0) + 1;
        socket.disconnect();
    };
    for (let turn = 0; turn < 10; turn++) {
        await Promise.all(Array.from({ length: 22 }, (_, number) => dismissed(number / 2)));
    }
    context.say(found);
};

export const scenarios = {
    dismissals,
    events,
    text,
    order,
    namespaces,
    reasons,
    reconnection,
    msgpack: parser,
    recovery: recovering({}),
    "recovery in msgpack": recovering({ parser: msgpack }),
};
