"""Pictures that take long to look at. They are ordinary large ones, and made on the spot."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from io import BytesIO
from typing import Any

import aiohttp
from PIL import Image

from scripts.hostility.attack import ATTACKERS, Attack, Outcome, Target, bearer, http
from scripts.hostility.wire import crowd

AT_ONCE = 4
SIDE = 7_000  # pixels
SIDE_WITH_ALPHA = 4_000


async def progressive_jpeg(_: Target) -> bytes:
    """A progressive JPEG of 49 million pixels."""
    return await asyncio.to_thread(picture, "RGB", SIDE, "JPEG", progressive=True, quality=50)


async def avif_with_alpha(_: Target) -> bytes:
    """An AVIF of 16 million pixels with transparency."""
    return await asyncio.to_thread(picture, "RGBA", SIDE_WITH_ALPHA, "AVIF", speed=10, quality=30)


def picture(mode: str, side: int, kind: str, **options: Any) -> bytes:
    """A soft gradient."""
    file = BytesIO()
    Image.radial_gradient("L").resize((side, side)).convert(mode).save(file, kind, **options)
    return file.getvalue()


async def upload(name: str, target: Target, outcome: Outcome, content: bytes) -> None:
    """The same picture over and over, four at once."""

    async def act() -> None:
        async with http(target.url, ATTACKERS[0], **bearer(target.attacker)) as session:
            while True:
                form = aiohttp.FormData()
                form.add_field("file", content, filename=name)
                async with session.post("/chat/files", data=form) as answer:
                    outcome.answers[str(answer.status)] += 1
                outcome.sent += len(content)

    await crowd(AT_ONCE, outcome, act)


def attack(name: str, about: str, file: str, prepare: Callable[[Target], Awaitable[bytes]]) -> Attack:
    """An upload of pictures while an ordinary user uploads five bytes now and then."""
    return Attack(name, about, partial(upload, file), account=True, prepare=prepare, witness="upload")


ATTACKS = [
    attack("progressive-jpegs", "four progressive JPEGs of 7,000 × 7,000 at once", "a.jpg", progressive_jpeg),
    attack("avifs", "four AVIFs of 4,000 × 4,000 with transparency at once", "a.avif", avif_with_alpha),
]
