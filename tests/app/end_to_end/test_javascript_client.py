"""The client for JavaScript, as an instance serves it: installed from there, and the chat of docs/chat.md on it."""

import asyncio
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from scripts.proxy import Proxy
from tests.support.chat.people import Instance, Start
from tests.support.paths import CLIENTS, ROOT, node
from tests.support.waiting import PATIENCE

COMPILER = ROOT / "app/web/node_modules/typescript/bin/tsc"
OPTIONS = "--noEmit --strict --target es2022 --lib es2022,dom --module nodenext --skipLibCheck false"
CHECKED = """
import { io, type Socket } from "socket.io-client";
import { ParleyClient, type ClientEvents, type Message, type ServerEvents } from "@parley-chat/client";

const chat = new ParleyClient("http://127.0.0.1:3000", { token: "…", storage: localStorage });
chat.on("message", (message) => message.sender.username.length);
const sent: Message = await chat.send("a room", "hello");
const { next } = await chat.call("room:members", { roomId: sent.roomId });
const socket: Socket<ServerEvents, ClientEvents> = io("http://127.0.0.1:3000");
socket.on("message:new", ({ content }) => content.length);
const answer = await socket.emitWithAck("message:send", { roomId: "a room", content: next ?? "" });
if (answer.ok) answer.data.seq.toFixed();
"""
WRONG = {
    'await chat.send("a room", { text: "hello" });': "TS2353",
    'await chat.call("message:send", { content: "hello" });': "TS2741",
    'await chat.call("message:sent", {});': "TS2345",
    'await chat.call("room:set-role", { roomId: "a", userId: "b", role: "owner" });': "TS2322",
    'chat.on("message", (message) => message.text);': "TS2339",
    'await socket.emitWithAck("message:send", { roomId: 5, content: "hello" });': "TS2322",
    'socket.on("message:new", ({ text }) => text);': "TS2339",
}


def install(package: bytes, folder: Path) -> None:
    """As `npm install` does with the package of this address."""
    place = folder / "node_modules" / "@parley-chat"
    place.mkdir(parents=True)
    subprocess.run(["tar", "-xzf", "-", "-C", place], input=package, check=True)
    (place / "package").rename(place / "client")


@pytest.fixture
async def project(instance: Instance, tmp_path: Path) -> Path:
    """A folder with the client."""
    async with httpx.AsyncClient(base_url=instance.url, trust_env=False) as http:
        answer = await http.get("/client/parley-chat-client.tgz")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/gzip")
    install(answer.content, tmp_path)
    return tmp_path


class Talk:
    """A chat of docs/chat.md that runs."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.room_id = ""

    @classmethod
    async def start(cls, folder: Path, url: str, *room_id: str) -> "Talk":
        found = re.search(
            r"<!-- tested: chat.mjs -->\n```javascript\n(.+?)```",
            (ROOT / "docs/chat.md").read_text("utf-8"),
            re.DOTALL,
        )
        assert found is not None
        assert found[1].count("\n") <= 10
        (folder / "chat.mjs").write_text(found[1])
        pipe = asyncio.subprocess.PIPE
        command = (node(), "chat.mjs", url, *room_id)
        talk = cls(await asyncio.create_subprocess_exec(*command, cwd=folder, stdin=pipe, stdout=pipe))
        entered = re.fullmatch(r"You are in Tea, ([0-9a-f-]{36})", await talk.line())
        assert entered is not None
        talk.room_id = entered[1]
        return talk

    def say(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(text.encode())

    async def line(self) -> str:
        assert self.process.stdout is not None
        return (await asyncio.wait_for(self.process.stdout.readline(), PATIENCE)).decode().rstrip()

    async def hears(self, *texts: str) -> None:
        """These, in this order, and nothing else between."""
        assert [re.sub(r"guest-\d+: ", "", await self.line()) for _ in texts] == list(texts)

    async def end(self) -> None:
        self.process.kill()
        await self.process.wait()


@pytest.mark.parametrize("recovery", [0, 120])
async def test_a_chat_in_ten_lines_misses_nothing_and_tells_nothing_twice(
    recovery: int, start: Start, tmp_path: Path
) -> None:
    """While the line of one of two is cut, both write; with and without the recovery of its session."""
    instance = await start(recovery=recovery)
    install((ROOT / "app/web/dist/client/parley-chat-client.tgz").read_bytes(), tmp_path)
    proxy = Proxy([("127.0.0.1", int(instance.url.rpartition(":")[2]))])
    await proxy.start()
    ann = await Talk.start(tmp_path, instance.url)
    bob = await Talk.start(tmp_path, proxy.url, ann.room_id)
    try:
        for text in ("one", "two"):
            ann.say(text)
            await ann.hears(text)
        await bob.hears("one", "two")
        proxy.refuse()
        for text in ("three", "four", "five"):
            ann.say(text)
            await ann.hears(text)
        bob.say("six")
        await proxy.resume()
        await ann.hears("six")
        ann.say("seven")
        await bob.hears("three", "four", "five", "six", "seven")
        await ann.hears("seven")
    finally:
        await ann.end()
        await bob.end()
        await proxy.stop()


async def test_what_becomes_of_members(instance: Instance, project: Path) -> None:
    """Refusals, a conversation that begins while its other side is away, a session that ends: tests/clients tells."""
    shutil.copy(CLIENTS / "javascript-client.mjs", project)
    proxy = Proxy([("127.0.0.1", int(instance.url.rpartition(":")[2]))])
    await proxy.start()
    pipe = asyncio.subprocess.PIPE
    command = (node(), "javascript-client.mjs", instance.url, proxy.url)
    process = await asyncio.create_subprocess_exec(*command, cwd=project, stdin=pipe, stdout=pipe)
    assert process.stdin is not None
    assert process.stdout is not None
    said: list[Any] = []
    try:
        async with asyncio.timeout(PATIENCE):
            async for line in process.stdout:
                match json.loads(line):
                    case ["cut"]:
                        proxy.refuse()
                        process.stdin.write(b"\n")
                    case ["mend"]:
                        await proxy.resume()
                        process.stdin.write(b"\n")
                    case words:
                        said.append(words)
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        await proxy.stop()
    before = [["message", "room", "first"], ["message", "room", "second"]]
    missed = [["changed", "room", "first, edited"], ["deleted", "room", None], ["message", "room", "third"]]
    direct = [["message", "direct", text] for text in ("a word", "another", "an answer")]
    assert said == [
        ["a bad token", "unauthenticated", "signed-out"],
        ["nobody", "unauthenticated"],
        ["no such room", "not_found"],
        ["bob heard", [*before, *missed], direct],
        ["signed out", "unauthenticated"],
        ["signed in again", "written meanwhile"],
        ["closed", "unauthenticated"],
    ]


async def test_its_types_hold_programs_to_the_contract(project: Path) -> None:
    """One that is right passes, and each wrong line is an error, with socket.io-client's own types as well."""
    (project / "node_modules" / "socket.io-client").symlink_to(CLIENTS / "node_modules" / "socket.io-client")
    (project / "package.json").write_text('{"type": "module"}')
    (project / "checked.ts").write_text(CHECKED + "\n".join(WRONG))
    command = (node(), str(COMPILER), *OPTIONS.split(), "checked.ts")
    run = await asyncio.create_subprocess_exec(*command, cwd=project, stdout=asyncio.subprocess.PIPE)
    printed = (await run.communicate())[0].decode()
    found = re.findall(r"^checked\.ts\((\d+),\d+\): error (TS\d+)", printed, re.MULTILINE)
    first = CHECKED.count("\n") + 1
    expected = [(str(first + index), error) for index, error in enumerate(WRONG.values())]
    assert found == expected, printed


async def test_the_module_can_be_imported_from_its_address(start: Start) -> None:
    """By pages of the origins that may, and by Deno with its types."""
    instance = await start(cors_origin=("https://shop.example",))
    async with httpx.AsyncClient(base_url=instance.url, trust_env=False) as http:
        module = await http.get("/client/parley.js", headers={"origin": "https://shop.example"})
        assert module.headers["content-type"] == "text/javascript; charset=utf-8"
        assert module.headers["access-control-allow-origin"] == "https://shop.example"
        types = await http.get(module.headers["x-typescript-types"])
        assert types.headers["content-type"] == "application/typescript; charset=utf-8"
        assert "export declare" not in types.text
        again = await http.get("/client/parley.js", headers={"if-none-match": module.headers["etag"]})
        assert again.status_code == 304


def test_the_package_is_the_version_of_the_server() -> None:
    manifest: Any = httpx.Response(
        200, content=(ROOT / "app/web/dist/client/package.json").read_bytes()
    ).json()
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE)
    assert version is not None
    assert (manifest["name"], manifest["version"]) == ("@parley-chat/client", version[1])
