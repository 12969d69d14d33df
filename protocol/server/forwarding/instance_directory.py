"""The instances that share a store. Each has a tag, which its session ids begin with, and holds a lease on it: a key
that says where the instance can be reached, and is gone some seconds after the instance is."""

import asyncio
import logging

from protocol.errors import StoreUnavailable
from protocol.server.engineio.hub import new_tag
from protocol.server.forwarding.remote_instance import RemoteInstance
from protocol.server.store.store import Store

log = logging.getLogger(__name__)

_RENEWALS = 4  # in the time of a lease
# In a row; the keys of instances that live may be missing for a while after a restart of the store, not for that long.
_MISSES = 3
_LOOKUPS = 8  # at a time: clients choose the tags that are looked for
_LOOK_UP_WITHIN = 5.0  # seconds, of which most is for those that came before
_INSIST_AFTER = 1.0  # seconds


class InstanceDirectory:
    """This instance's lease of `lease` ms, and the other instances as far as they were looked for."""

    def __init__(self, store: Store, secret: str, lease: int) -> None:
        self.tag = ""
        self._store = store
        self._secret = secret
        self._lease = lease
        self._address = ""
        self._known: dict[str, RemoteInstance] = {}
        self._lookups = asyncio.Semaphore(_LOOKUPS)
        self._renewing: asyncio.Task[None] | None = None
        self._away = False  # the store, so that it is logged once

    async def join(self, address: str) -> str:
        """Take a free tag, and hold it until `leave`. Raises `StoreUnavailable`."""
        tag = new_tag()
        while await self._store.get(_key(tag)) is not None:
            tag = new_tag()
        self.tag, self._address = tag, address
        await self._store.put({_key(tag): address}, self._lease)
        self._renewing = asyncio.create_task(self._renew_forever())
        return tag

    async def leave(self) -> None:
        """Give up the tag, and all connections to others."""
        if self._renewing is not None:
            renewing, self._renewing = self._renewing, None
            while (
                not renewing.done()
            ):  # a cancellation can get lost in a library that it meets at a bad moment
                renewing.cancel()
                await asyncio.wait([renewing], timeout=_INSIST_AFTER)
            try:
                await self._store.take(_key(self.tag))
            except StoreUnavailable as error:
                log.warning("the lease of this instance is left to expire: %s", error)
        for owner in self._known.values():
            owner.cut()
        self._known.clear()

    async def find(self, tag: str) -> RemoteInstance | None:
        """The instance of a tag; None if there is none, as far as can be told."""
        owner = self._known.get(tag)
        if owner is None and self._renewing is not None:
            try:
                async with asyncio.timeout(_LOOK_UP_WITHIN), self._lookups:
                    address = await self._store.get(_key(tag))
            except (StoreUnavailable, TimeoutError) as error:
                self._note(error)
                return None
            if address is not None and self._renewing is not None:
                owner = self._known.setdefault(tag, RemoteInstance(tag, address, self._secret))
        return owner

    async def _renew_forever(self) -> None:
        while True:
            await asyncio.sleep(self._lease / _RENEWALS / 1000)
            for owner in self._known.values():
                owner.prune()
            try:
                await self._renew()
            except StoreUnavailable as error:
                self._note(error)
            else:
                self._away = False

    def _note(self, error: Exception) -> None:
        if not self._away:
            self._away = True
            log.warning(
                "the instances that are known are taken to be there: the store does not answer: %r", error
            )

    async def _renew(self) -> None:
        await self._store.put({_key(self.tag): self._address}, self._lease)
        owners = list(self._known.values())
        # All at once: one after the other they would take longer than our own lease where the store is slow.
        addresses = await asyncio.gather(*(self._store.get(_key(owner.tag)) for owner in owners))
        for owner, address in zip(owners, addresses, strict=True):
            found = address is not None
            owner.misses = 0 if found else owner.misses + 1
            if owner.misses == _MISSES:
                log.warning("the instance at %s is gone", owner.address)
                del self._known[owner.tag]
                owner.cut()


def _key(tag: str) -> str:
    return f"parley:instance:{tag}"
