"""The files of a device: uploaded over REST, sent with messages, and read again at the end."""

import hashlib

import httpx

from scripts.soaking.connection import CALL_WITHIN
from scripts.soaking.device import User, nonce
from scripts.soaking.history import Fetched, Uploaded
from scripts.soaking.recorder import Recorder
from scripts.soaking.world import authorization

REPEATED = 100  # times that a name is in a file: some kilobytes
FIELD = "file"


class DeviceFiles:
    """Uploads and reads files as a device of a user, at `url`."""

    def __init__(self, device: str, user: User, url: str, recorder: Recorder) -> None:
        self._device = device
        self._recorder = recorder
        self._options = {"base_url": url, "headers": authorization(user)}

    async def upload(self) -> str | None:
        """The id of a new file; None where it was refused, or there is no answer."""
        content = nonce(self._device).encode() * REPEATED
        async with self._client() as http:
            try:
                answer = await http.post("/chat/files", files={FIELD: ("file.txt", content)})
            except httpx.HTTPError:
                return None
        if answer.status_code != httpx.codes.CREATED:
            return None
        file: str = answer.json()["id"]
        self._recorder.add(
            Uploaded(at=self._recorder.now(), device=self._device, file=file, digest=digest_of(content))
        )
        return file

    async def fetch(self, file: str) -> None:
        """Read a file, and write down what came; nothing where there is no answer."""
        async with self._client() as http:
            try:
                answer = await http.get(f"/chat/files/{file}")
            except httpx.HTTPError:
                return
        self._recorder.add(
            Fetched(
                at=self._recorder.now(),
                device=self._device,
                file=file,
                status=answer.status_code,
                digest=digest_of(answer.content),
            )
        )

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(trust_env=False, timeout=CALL_WITHIN, **self._options)


def digest_of(content: bytes) -> str:
    """What two files with the same bytes have in common."""
    return hashlib.sha256(content).hexdigest()
