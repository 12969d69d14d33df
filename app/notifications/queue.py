"""The queue of all instances: a stream in Redis with one consumer group, so that one instance has each entry.

    notify:queue           stream      what is to be done now; an entry that is read and not finished is pending
    notify:later           sorted set  what is to be done later -> when, in ms of Redis' own clock
    notify:decided:<id>    string      a message that was decided lately

Each entry is a JSON object. An entry that an instance has read and not finished for some seconds, since it died, is
claimed by another one. To finish an entry and to put what follows from it into the queue is one step, and only the
first of two instances that finish the same entry does it.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec import Struct

from app.core.redis_scripts import SoftState

QUEUE = "notify:queue"
LATER = "notify:later"
DECIDED = "notify:decided:"

MOST_WAITING = 50_000  # entries beyond which no message is taken, and as many of those for later
CLAIM_AFTER = 25.0  # seconds; an instance gives up what it does after fewer
REMEMBERED = 7_200  # seconds that a message is known as decided, longer than it may wait for that

NOW = "local time = redis.call('TIME') local now = time[1] * 1000 + math.floor(time[2] / 1000)"

# KEYS: queue. ARGV: the most entries, entries. Returns 1, or 0 where there is no capacity and nothing was done.
PUT = """
    local most = tonumber(ARGV[1])
    if redis.call('XLEN', KEYS[1]) + #ARGV - 1 > most then return 0 end
    for i = 2, #ARGV do redis.call('XADD', KEYS[1], '*', 'e', ARGV[i]) end
    return 1
"""

# KEYS: queue, later. ARGV: how many, ms after which an entry is claimed. Moves to the queue what is due, and returns
# ids and entries: those claimed from instances that have died, then new ones. All instances are one consumer to Redis,
# so there are none to forget.
TAKE = f"""
    {NOW}
    local count = tonumber(ARGV[1])
    local due = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, count)
    for _, entry in ipairs(due) do
        redis.call('XADD', KEYS[1], '*', 'e', entry)
        redis.call('ZREM', KEYS[2], entry)
    end
    local result = {{}}
    local function add(entries)
        for _, entry in ipairs(entries) do
            result[#result + 1] = entry[1]
            result[#result + 1] = entry[2][2]
        end
    end
    local claimed = redis.pcall('XAUTOCLAIM', KEYS[1], 'senders', 'instances', ARGV[2], '0', 'COUNT', count)
    if claimed.err then
        redis.call('XGROUP', 'CREATE', KEYS[1], 'senders', '0', 'MKSTREAM')
    else
        add(claimed[2])
    end
    if #result / 2 < count then
        local read = redis.call(
            'XREADGROUP', 'GROUP', 'senders', 'instances', 'COUNT', count - #result / 2, 'STREAMS', KEYS[1], '>')
        if read then add(read[1][2]) end
    end
    return result
"""

# KEYS: queue, later, or also the mark of a decided message. ARGV: id of the entry, seconds that a mark lasts, the most
# for later, how many entries are for now, these, and pairs of ms and an entry for later. Returns how many of those for
# later found no place, -1 where another instance has finished the entry or decided the message.
FINISH = f"""
    {NOW}
    if redis.call('XACK', KEYS[1], 'senders', ARGV[1]) == 0 then return -1 end
    redis.call('XDEL', KEYS[1], ARGV[1])
    if KEYS[3] and not redis.call('SET', KEYS[3], '1', 'NX', 'EX', ARGV[2]) then return -1 end
    local at = 5 + tonumber(ARGV[4])
    for i = 5, at - 1 do redis.call('XADD', KEYS[1], '*', 'e', ARGV[i]) end
    local free, dropped = tonumber(ARGV[3]) - redis.call('ZCARD', KEYS[2]), 0
    for i = at, #ARGV, 2 do
        if free > 0 then
            redis.call('ZADD', KEYS[2], now + ARGV[i], ARGV[i + 1])
            free = free - 1
        else
            dropped = dropped + 1
        end
    end
    return dropped
"""


class Entry(Struct, frozen=True, omit_defaults=True):
    """What is to be done.

    `decide` whom a message reaches: all members, or with a `user_id` one whose devices had their time to show it.
    Or send it to a user: a `push` to the device of a `subscription_id`, or a `hook`. `attempt` counts those before.
    """

    act: Literal["decide", "push", "hook"]
    message_id: str
    user_id: str = ""
    subscription_id: str = ""
    kind: str = ""
    attempt: int = 0


class Taken(Struct, frozen=True):
    """An entry that this instance has, until it finishes it."""

    id: str
    entry: Entry


class Later(Struct, frozen=True):
    """An entry for so many seconds from now."""

    seconds: float
    entry: Entry


class NotificationQueue:
    """The queue. All methods raise SoftStateUnavailable."""

    def __init__(
        self, soft_state: SoftState, *, claim_after: float = CLAIM_AFTER, most: int = MOST_WAITING
    ) -> None:
        self._claim_after = round(claim_after * 1000)
        self._most = most
        self._put = soft_state.script(PUT)
        self._take = soft_state.script(TAKE)
        self._finish = soft_state.script(FINISH)

    async def put(self, message_ids: Sequence[str]) -> bool:
        """Has messages decided; False, and none is, where too much waits."""
        entries = [_pack(Entry(act="decide", message_id=message_id)) for message_id in message_ids]
        return bool(await self._put([QUEUE], self._most, *entries))

    async def take(self, count: int) -> list[Taken]:
        """At most so many entries, that this instance is to finish."""
        found = await self._take([QUEUE, LATER], count, self._claim_after)
        return [
            Taken(entry_id, msgspec.json.decode(entry, type=Entry))
            for entry_id, entry in zip(found[::2], found[1::2], strict=True)
        ]

    async def finish(
        self, taken: Taken, now: Sequence[Entry] = (), later: Sequence[Later] = (), *, decided: bool = False
    ) -> int:
        """Ends an entry, and puts into the queue what follows from it. With `decided` its message is decided.

        Nothing follows where another instance was first. Returns how many of `later` found no place.
        """
        keys = [QUEUE, LATER, *([DECIDED + taken.entry.message_id] if decided else [])]
        after = [word for one in later for word in (round(one.seconds * 1000), _pack(one.entry))]
        dropped = await self._finish(
            keys, taken.id, REMEMBERED, self._most, len(now), *map(_pack, now), *after
        )
        return max(0, int(dropped))


def _pack(entry: Entry) -> bytes:
    return msgspec.json.encode(entry)
