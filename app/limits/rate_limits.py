"""Rate limits of users and of network addresses: token buckets in Redis, which all instances share.

A round trip to Redis costs more than most events do. So an instance that sees a busy user takes several tokens at a
time, twice as many as the time before and up to a tenth of the burst, and spends them without asking. What it has
not spent after a second is lost. That keeps two promises:

- In any w seconds, no user does more than burst + rate * (w + 1), on however many instances: every token that is spent
  was in the shared bucket at most a second before.
- No user is charged more than twice what they do: an instance asks for more than it needs only when it has just
  used up what it had.

A refusal is remembered for as long as it holds, a second at most, so that a flood is refused without a round trip, too.

While Redis is away each instance goes on with buckets of its own, which begin full: n instances then let
n times as much pass. Nobody waits for Redis for more than a quarter of a second: what it has not answered by then is
answered that way, too.
"""

import asyncio
import hashlib
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Literal, TypeAlias

from msgspec import Struct

from app.core.background_tasks import ended
from app.core.batcher import Batcher
from app.core.caller import Caller
from app.core.errors import Refusal
from app.core.redis_scripts import SoftState, SoftStateUnavailable
from app.limits.token_bucket import SECOND, Bucket, LocalBuckets, Taken
from protocol import network_of

log = logging.getLogger(__name__)

# The owner of the key: `username` a name's that strangers try, `place` a name's in one network, `device` a known
# device's, `address`, `sign_in` and `sign_up` an address's, the others a user's.
LimitKind: TypeAlias = Literal[
    "event",
    "address",
    "sign_in",
    "username",
    "place",
    "device",
    "credential",
    "sign_up",
    "conversation",
    "room",
    "invitation",
    "group_mention",
    "upload",
]
LimitKey: TypeAlias = tuple[LimitKind, str]

MIB = 2**20
KEEP = SECOND  # µs that tokens of the shared bucket may be spent here, and that a refusal is believed
MAX_KEYS = 50_000  # that an instance remembers
MAX_BATCH = 200  # keys in one call of the script
ANSWER_WITHIN = 0.25  # seconds that callers wait for Redis
PROBE_EVERY = 1.0  # seconds from one look for a Redis that is away to the next
PROBE = "limit:probe"  # the key of a bucket that no user takes from

WORDS: dict[LimitKind, str] = {
    "event": "You are doing too much at once",
    "address": "Too much comes from your network",
    "sign_in": "Too many attempts to sign in from your network",
    "username": "Too many attempts to sign in with this name",
    "place": "Too many attempts to sign in with this name",
    "device": "Too many attempts to sign in from this device",
    "credential": "Too many attempts to change the password",
    "sign_up": "Too many accounts were made from your network",
    "conversation": "You have begun many conversations lately",
    "room": "You have made many rooms lately",
    "invitation": "You have invited many people lately",
    "group_mention": "You have called everybody often lately",
    "upload": "You have uploaded too much lately",
}

# For each key: interval, burst, need, want, returned -> after Redis' time, granted and wait. All times in µs.
# It is `app.limits.token_bucket.take`. A key is gone as soon as its bucket is full.
TAKE = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local answer = {now}
for i, key in ipairs(KEYS) do
  local at = (i - 1) * 5
  local interval, burst, need = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local want, returned = tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5])
  local capacity = burst * interval
  local full_at = tonumber(redis.call('GET', key) or now) - returned * interval
  full_at = math.min(math.max(full_at, now), now + capacity)
  local free = now + capacity - full_at
  local there = (free - free % interval) / interval
  local granted, wait = 0, 0
  if there < need then
    wait = full_at + need * interval - capacity - now
  else
    granted = math.min(want, there)
    full_at = full_at + granted * interval
  end
  if full_at > now then
    redis.call('SET', key, string.format('%.0f', full_at), 'PX', math.ceil((full_at - now) / 1000))
  else
    redis.call('DEL', key)
  end
  answer[#answer + 1] = granted
  answer[#answer + 1] = wait
end
return answer
"""


class Allowance:
    """The state of a key on an instance until a time: how many tokens it may spend, or how many it was refused."""

    __slots__ = ("again_at", "refused", "size", "tokens", "until")

    def __init__(self, tokens: int, until: int, *, refused: int = 0, again_at: int = 0) -> None:
        self.tokens = tokens
        self.size = tokens  # when it was new
        self.until = until
        self.refused = refused  # a number of tokens that there were not, 0 if there were enough
        self.again_at = again_at  # when there will be


class BucketRequest(Struct, frozen=True, eq=False):
    """A pending request to the shared bucket, and the futures that wait for it."""

    key: LimitKey
    bucket: Bucket
    need: int
    want: int
    returned: int = 0
    answered: asyncio.Future[None] | None = None


class Limits:
    """Refuses users and addresses that do too much. `buckets` has the limited kinds; `now` is a clock in µs."""

    def __init__(
        self,
        soft_state: SoftState,
        buckets: Mapping[LimitKind, Bucket],
        *,
        now: Callable[[], int] = lambda: time.monotonic_ns() // 1000,
    ) -> None:
        self._script = soft_state.script(TAKE)
        self._buckets = buckets
        self._now = now
        self._allowances: OrderedDict[LimitKey, Allowance] = OrderedDict()  # in the order of their making
        self._alone = LocalBuckets(MAX_KEYS)
        # No more than one key waits for each caller that takes tokens.
        self._batcher = Batcher(self._answer, failed=self._fail, max_batch=MAX_BATCH)
        self._asked: dict[LimitKey, asyncio.Future[None]] = {}
        self._probing: asyncio.Task[None] | None = None  # while Redis is away
        self._late: asyncio.Task[list[Taken]] | None = None  # asked of Redis, and not answered in time

    async def take(self, kind: LimitKind, key: str, tokens: int = 1) -> None:
        """Spends tokens of a bucket; more than its burst count as that. Raises Refusal: `rate_limited`."""
        bucket = self._buckets.get(kind)
        if bucket is None:
            return
        name = (kind, key)
        tokens = min(tokens, bucket.burst)
        while True:
            allowance = self._allowances.get(name)
            now = self._now()
            want = tokens
            if allowance is not None and now < allowance.until:
                if allowance.tokens >= tokens:
                    allowance.tokens -= tokens
                    return
                if 0 < allowance.refused <= tokens:
                    wait = -(-(allowance.again_at - now) // 1000)
                    raise Refusal("rate_limited", WORDS[kind], retry_after=wait)
                want = max(tokens, min(2 * allowance.size, bucket.burst // 10, KEEP // bucket.interval))
            await self._ask(name, bucket, tokens, want)

    async def take_event(self, user_id: str | None, address: str | None) -> None:
        """Spends a token of a user, if known, and one of an address. Raises Refusal: `rate_limited`."""
        if user_id is not None:
            await self.take("event", user_id)
        await self.take("address", network_of(address))

    async def take_upload(self, caller: Caller, size: int) -> None:
        """Spends a token of a user for each MiB begun of an upload of so many bytes. Raises Refusal: `rate_limited`."""
        await self.take("upload", caller.user_id, -(-size // MIB))

    async def take_conversation(self, user_id: str) -> None:
        """Spends a token of a user, who begins a direct conversation. Raises Refusal: `rate_limited`."""
        await self.take("conversation", user_id)

    async def take_room(self, user_id: str) -> None:
        """Spends a token of a user, who makes a room. Raises Refusal: `rate_limited`."""
        await self.take("room", user_id)

    async def take_invitation(self, user_id: str) -> None:
        """Spends a token of a user who invites another. Raises Refusal: `rate_limited`."""
        await self.take("invitation", user_id)

    def give_back(self, kind: LimitKind, key: str, tokens: int) -> None:
        """Puts tokens back that were taken and not used."""
        bucket = self._buckets.get(kind)
        if bucket is not None:
            self._allowances.pop((kind, key), None)
            self._batcher.add(BucketRequest((kind, key), bucket, 0, 0, tokens))

    async def close(self) -> None:
        """Ends what runs; waiting callers get `BatcherClosed`."""
        await self._batcher.close()
        if self._late is not None:
            self._late.cancel()
            await asyncio.wait({self._late})
        if self._probing is not None:
            await ended(self._probing)

    async def _ask(self, key: LimitKey, bucket: Bucket, need: int, want: int) -> None:
        """Returns when there is news of a key; all callers that wait for the same one wait for one answer."""
        answered = self._asked.get(key)
        if answered is None:
            answered = asyncio.get_running_loop().create_future()
            self._batcher.add(BucketRequest(key, bucket, need, want, answered=answered))
            self._asked[key] = answered
        await asyncio.shield(answered)

    async def _answer(self, batch: list[BucketRequest]) -> None:
        for ask, answer in zip(batch, await self._answers(batch), strict=True):
            self._settle(ask, answer)

    async def _answers(self, batch: list[BucketRequest]) -> list[Taken]:
        if self._probing is None and self._late is None:
            asking = self._late = asyncio.create_task(self._shared(batch))
            asking.add_done_callback(self._answered)
            await asyncio.wait({asking}, timeout=ANSWER_WITHIN)
            if asking.done():
                with suppress(SoftStateUnavailable):
                    return asking.result()
        now = self._now()
        return [
            self._alone.take(ask.key, ask.bucket, now, need=ask.need, want=ask.want, returned=ask.returned)
            for ask in batch
        ]

    def _answered(self, asking: "asyncio.Task[list[Taken]]") -> None:
        self._late = None
        error = None if asking.cancelled() else asking.exception()
        if isinstance(error, SoftStateUnavailable):
            log.warning("limits are each instance's own until Redis is back: %s", error)
            self._probing = asyncio.create_task(self._probe())

    async def _shared(self, batch: list[BucketRequest]) -> list[Taken]:
        keys = [f"limit:{kind}:{key}" for kind, key in (ask.key for ask in batch)]
        numbers = [
            number
            for ask in batch
            for number in (ask.bucket.interval, ask.bucket.burst, ask.need, ask.want, ask.returned)
        ]
        _now, *answers = await self._script(keys, *numbers)
        return [Taken(0, granted, wait) for granted, wait in zip(answers[::2], answers[1::2], strict=True)]

    def _settle(self, ask: BucketRequest, answer: Taken) -> None:
        if ask.answered is None:
            return
        now = self._now()
        if answer.granted:
            allowance = Allowance(answer.granted, now + KEEP)
        else:
            again_at = now + answer.wait
            allowance = Allowance(0, min(again_at, now + KEEP), refused=ask.need, again_at=again_at)
        self._allowances[ask.key] = allowance
        self._allowances.move_to_end(ask.key)
        while len(self._allowances) > MAX_KEYS or next(iter(self._allowances.values())).until <= now:
            self._allowances.popitem(last=False)
        del self._asked[ask.key]
        ask.answered.set_result(None)

    def _fail(self, batch: list[BucketRequest], error: Exception) -> None:
        for ask in batch:
            if ask.answered is not None and not ask.answered.done():
                del self._asked[ask.key]
                ask.answered.set_exception(error)

    async def _probe(self) -> None:
        """Returns to the shared buckets as soon as Redis answers."""
        while True:
            await asyncio.sleep(PROBE_EVERY)
            try:
                await self._script([PROBE], 1, 1, 0, 0, 0)
            except SoftStateUnavailable:
                continue
            log.info("limits hold across instances again")
            self._alone, self._probing = LocalBuckets(MAX_KEYS), None
            return


def name_key(username: str) -> str:
    """The key of a name that is tried, in any case; a hash, for what is typed there may be a password."""
    return hashlib.blake2s(username.casefold().encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
