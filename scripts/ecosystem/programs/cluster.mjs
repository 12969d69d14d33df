// Checks of two servers that share a Redis: clients of one, and what those of the other hear. Prints [CHECK, null or what is
// wrong], a JSON array a line.
//   node cluster.mjs URL OTHER_URL CHECK...

import { io } from "socket.io-client";

const [here, there, ...wanted] = process.argv.slice(2);
const PATIENCE = 15_000; // ms

const say = (...line) => console.log(JSON.stringify(line));
const same = (found, expected, what = "got") => {
    const [one, other] = [JSON.stringify(found), JSON.stringify(expected)];
    if (one !== other) {
        throw new Error(`${what} ${one}, not ${other}`);
    }
};
const within = (promise, what) => {
    let timer;
    const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`waited in vain for ${what}`)), PATIENCE);
    });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
};
const once = (emitter, event) =>
    within(new Promise((resolve) => emitter.once(event, (...values) => resolve(values))), event);
const ask = (socket, ...values) => within(socket.emitWithAck(...values), `the answer to ${values[0]}`);

const made = [];
const connected = async (url) => {
    const auth = { token: "secret", recovery: true };
    const socket = io(url, { auth, forceNew: true, reconnectionDelay: 200, reconnectionDelayMax: 400 });
    made.push(socket);
    await once(socket, "connect");
    return socket;
};
// Each check is made in both directions.
const both = (check) => async () => {
    for (const urls of [[here, there], [there, here]]) {
        await check(...(await Promise.all(urls.map(connected))), ...urls);
    }
};
const room = () => `room-${Math.random()}`;

const checks = {
    "broadcast to a room": both(async (one, other) => {
        const name = room();
        await Promise.all([ask(one, "enter", name), ask(other, "enter", name)]);
        const heard = [once(one, "told"), once(other, "told")];
        await ask(one, "tell", name, "news");
        same((await Promise.all(heard)).map(([value]) => value), ["news", "news"]);
    }),
    binary: both(async (one, other) => {
        const name = room();
        await ask(other, "enter", name);
        const heard = once(other, "told");
        await ask(one, "tell", name, { blob: Buffer.from([0, 255]) });
        same(Buffer.from((await heard)[0].blob).toString("hex"), "00ff");
    }),
    "fetch sockets": both(async (one, other) => {
        const ids = await ask(one, "sockets");
        same([ids.includes(one.id), ids.includes(other.id)], [true, true], "one's own, and the other's:");
    }),
    "disconnect a socket": both(async (one, other) => {
        const gone = once(other, "disconnect");
        await ask(one, "expel", other.id);
        same((await gone)[0], "io server disconnect", "the reason was");
    }),
    "server-side event": both(async (one, other) => {
        const heard = once(other, "greeted");
        await ask(one, "greet others", "good day");
        same((await heard)[0], "good day");
    }),
    "recovery on the other server": both(async (one, other, _url, otherUrl) => {
        const { id } = one;
        const name = room();
        await ask(one, "enter", name);
        const heard = once(one, "told");
        await ask(other, "tell", name, "before");
        await heard;
        const [gone, back, missed] = [once(one, "disconnect"), once(one, "connect"), once(one, "told")];
        one.io.uri = otherUrl;
        one.io.engine.close();
        await gone;
        await ask(other, "tell", name, "missed");
        await back;
        same([one.recovered, one.id === id], [true, true], "recovered, with the same id:");
        same((await missed)[0], "missed");
    }),
};

for (const check of wanted) {
    let wrong = null;
    try {
        await checks[check]();
    } catch (error) {
        wrong = String(error.message ?? error);
    }
    say(check, wrong);
    made.splice(0).forEach((socket) => socket.disconnect());
}
process.exit(0);
