// A load balancer without memory: each HTTP request, and each websocket, goes to the next of the servers.
//   node round-robin.mjs URL URL ...      prints its port, and serves until its stdin ends

import http from "node:http";
import net from "node:net";

const servers = process.argv.slice(2).map((url) => new URL(url));
const agent = new http.Agent({ keepAlive: true });
let turn = 0;
const next = () => servers[turn++ % servers.length];

const proxy = http.createServer((request, response) => {
    const { hostname, port } = next();
    const { method, url: path, headers } = request;
    const onward = http.request({ hostname, port, method, path, headers, agent }, (answer) => {
        response.writeHead(answer.statusCode, answer.headers);
        answer.pipe(response);
    });
    onward.on("error", () => response.destroy());
    response.on("close", () => onward.destroy());
    request.pipe(onward);
});

proxy.on("upgrade", ({ method, url, rawHeaders }, client, first) => {
    const { hostname, port } = next();
    const server = net.connect(Number(port), hostname, () => {
        const lines = rawHeaders.reduce((text, part, index) => text + part + (index % 2 ? "\r\n" : ": "), "");
        server.write(`${method} ${url} HTTP/1.1\r\n${lines}\r\n`);
        server.write(first);
        server.pipe(client).pipe(server);
    });
    for (const [end, other] of [[client, server], [server, client]]) {
        end.on("error", () => other.destroy());
        end.on("close", () => other.destroy());
    }
});

proxy.listen(0, "127.0.0.1", () => console.log(proxy.address().port));
process.stdin.on("end", () => process.exit()).resume();
