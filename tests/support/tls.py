"""Certificates of the tests' own, and a door that speaks TLS in front of servers that were built without it."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

Streams: TypeAlias = tuple[asyncio.StreamReader, asyncio.StreamWriter]

HANDSHAKE = b"\x16"  # the first byte of TLS
POSTGRES_ASKS = b"\0\0\0\x08\x04\xd2\x16\x2f"  # whether the server speaks it


def make_certificate(file: Path, *addresses: str) -> Path:
    """A file with a key and a certificate that it signed itself, for localhost and IP addresses."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    names = [x509.DNSName("localhost"), *(x509.IPAddress(ip_address(address)) for address in addresses)]
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(private + certificate.public_bytes(Encoding.PEM))
    return file


class TlsDoor:
    """Passes on to a server, a TCP port or a unix socket, what comes in TLS, and what does not too.

    It runs in a thread of its own. `encrypted` says of each connection whether it was in TLS.
    """

    def __init__(self, server: int | Path, certificate: Path, trusted: Path | None = None) -> None:
        self._server = server
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate)
        if trusted is not None:  # then clients have to show a certificate
            self._context.verify_mode = ssl.CERT_REQUIRED
            self._context.load_verify_locations(trusted)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.setblocking(False)
        self.port: int = self._listening.getsockname()[1]
        self.encrypted: list[bool] = []

    async def serve(self) -> None:
        """Until it is cancelled."""
        loop = asyncio.get_running_loop()
        with self._listening:
            async with asyncio.TaskGroup() as group:
                while True:
                    client, _ = await loop.sock_accept(self._listening)
                    group.create_task(self._pass_on(client))

    async def _pass_on(self, client: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        with suppress(OSError, asyncio.IncompleteReadError):
            try:
                encrypted = await self._is_encrypted(client)
            except BaseException:  # also where the door closes before a word was said
                client.close()
                raise
            self.encrypted.append(encrypted)
            reader = asyncio.StreamReader()
            protocol = asyncio.StreamReaderProtocol(reader)
            context = self._context if encrypted else None
            transport, _ = await loop.connect_accepted_socket(lambda: protocol, client, ssl=context)
            writer = asyncio.StreamWriter(transport, protocol, reader, loop)
            try:
                if isinstance(self._server, int):
                    onward = await asyncio.open_connection("127.0.0.1", self._server)
                else:
                    onward = await asyncio.open_unix_connection(str(self._server))
                await pass_between((reader, writer), onward)
            finally:
                writer.transport.abort()

    async def _is_encrypted(self, client: socket.socket) -> bool:
        loop = asyncio.get_running_loop()
        client.setblocking(False)
        readable = loop.create_future()
        loop.add_reader(client, readable.set_result, None)
        try:
            await readable
        finally:
            loop.remove_reader(client)
        first = client.recv(len(POSTGRES_ASKS), socket.MSG_PEEK)
        if first != POSTGRES_ASKS:
            return first.startswith(HANDSHAKE)
        await loop.sock_recv(client, len(POSTGRES_ASKS))
        await loop.sock_sendall(client, b"S")
        return True


async def pass_between(one: Streams, other: Streams) -> None:
    """Until one of them ends; then both have, and their sockets are closed, though the event loop ends with this."""
    copying = {
        asyncio.create_task(copy(one[0], other[1])),
        asyncio.create_task(copy(other[0], one[1])),
    }
    try:
        await asyncio.wait(copying, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for _, writer in (one, other):
            writer.transport.abort()
        await asyncio.wait(copying)  # each ends with what it reads from


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Until the one end closes, or the other breaks."""
    with suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()


@contextmanager
def tls_door(server: int | Path, certificate: Path, trusted: Path | None = None) -> Iterator[TlsDoor]:
    """A door that is open."""
    door = TlsDoor(server, certificate, trusted)
    loop = asyncio.new_event_loop()
    serving = loop.create_task(door.serve())
    thread = threading.Thread(target=run, args=(loop, serving))
    thread.start()
    try:
        yield door
    finally:
        loop.call_soon_threadsafe(serving.cancel)
        thread.join()


def run(loop: asyncio.AbstractEventLoop, serving: asyncio.Task[None]) -> None:
    with suppress(asyncio.CancelledError):
        loop.run_until_complete(serving)
    loop.close()
