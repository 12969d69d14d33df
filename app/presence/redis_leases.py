"""The sockets of users on each instance, counted together in Redis.

    presence:instances       sorted set  instance -> when its lease ends, in ms of Redis' own clock
    presence:user:<id>       hash        instance -> how many sockets the user has there; 0 while a place is held
    presence:of:<instance>   set         the ids of the users in whose hashes the instance stands
    presence:calls:<inst.>   string      the number of the last call of the instance that was carried out
    presence:untold          sorted set  user who went offline -> when, until that is announced

A user is online while the hash is there. What an instance renews, every few seconds, is one number. When the lease of
one has ended, any other takes its users out; so an instance whose lease has ended may not come back under its old id,
and begins anew under another.

Redis may lose the last of what it has acknowledged: with its process, when an fsync took its time, or to a replica that
takes over. The lease is then there, and users are not. So the calls of an instance are numbered: one that was answered
and is not there any more tells the loss, and one that comes late, past a later one, changes nothing.

Whoever takes a user offline announces it. That one may die before, or never get the answer that says so: what stays
untold for the length of a lease, any instance announces.
"""

from collections.abc import Mapping, Sequence
from enum import IntEnum

from msgspec import Struct

from app.core.redis_scripts import SoftState

INSTANCES = "presence:instances"
OF_INSTANCE = "presence:of:"
OF_USER = "presence:user:"
CALLS = "presence:calls:"
UNTOLD = "presence:untold"

LET_GO = -1  # as a number of sockets: the user's place is no longer held
KEEP_CALLS = 3_600_000  # ms after the end of a lease

NOW = """
    local time = redis.call('TIME')
    local now = time[1] * 1000 + math.floor(time[2] / 1000)
    local function alive(instance)
        local ends = redis.call('ZSCORE', KEYS[1], instance)
        return ends and tonumber(ends) > now
    end
"""

# KEYS: instances, calls of the instance. ARGV: instance, ms, whether it begins, and the number of this call if it does,
# else of the last one that was answered. Returns a `LeaseState`.
LEASE = f"""
    {NOW}
    if ARGV[3] == '0' and not alive(ARGV[1]) then return 0 end
    redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
    if ARGV[3] == '1' then redis.call('SET', KEYS[2], ARGV[4]) end
    redis.call('PEXPIRE', KEYS[2], ARGV[2] + {KEEP_CALLS})
    if tonumber(redis.call('GET', KEYS[2]) or -1) < tonumber(ARGV[4]) then return 2 end
    return 1
"""

# KEYS: instances, users of the instance, its calls, the untold, one hash a user. ARGV: instance, most sockets of a
# user, the number of this call and of the last one that was answered, and for each user the id, the sockets let in
# before, the sockets in all. Returns for each user how many sockets it may have here, and 1 when that brought it
# online, -1 when it took it offline; nothing at all when the instance has no lease, or the call is late. What tells a
# loss it leaves as it is.
COUNT = f"""
    {NOW}
    local instance, most, number = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
    local last = tonumber(redis.call('GET', KEYS[3]) or -1)
    if number <= last or not alive(instance) then return false end
    if last >= tonumber(ARGV[4]) then redis.call('SET', KEYS[3], number, 'KEEPTTL') end

    local function elsewhere(user)
        local total, counts = 0, redis.call('HGETALL', user)
        for i = 1, #counts, 2 do
            if counts[i] ~= instance and alive(counts[i]) then total = total + counts[i + 1] end
        end
        return total
    end

    local result = {{}}
    for i = 5, #KEYS do
        local user, at = KEYS[i], i * 3 - 10
        local id, before, count = ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
        local was_online = redis.call('EXISTS', user)
        if count < 0 then
            if redis.call('HDEL', user, instance) == 0 then was_online = 1 end -- it was, and is lost
            redis.call('SREM', KEYS[2], id)
        else
            if most > 0 and count > before then
                count = math.max(before, math.min(count, most - elsewhere(user)))
            end
            if count > 0 or redis.call('HEXISTS', user, instance) == 1 then
                redis.call('HSET', user, instance, count)
                redis.call('SADD', KEYS[2], id)
            end
        end
        local change = redis.call('EXISTS', user) - was_online
        if change < 0 then redis.call('ZADD', KEYS[4], now, id) end
        result[#result + 1] = count
        result[#result + 1] = change
    end
    return result
"""

# KEYS: instances, what the keys of an instance's and of a user's begin with, and the untold. ARGV: how many users at
# most. Takes users out of an instance whose lease has ended, and the instance when it was the last of them. Returns how
# long ago, in ms, the lease ended, and the users that are offline now; nothing when there is no such instance.
SWEEP = f"""
    {NOW}
    local ended = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'WITHSCORES', 'LIMIT', 0, 1)
    if #ended == 0 then return false end
    local instance, result = ended[1], {{now - ended[2]}}
    for _, id in ipairs(redis.call('SPOP', KEYS[2] .. instance, ARGV[1])) do
        local user = KEYS[3] .. id
        redis.call('HDEL', user, instance)
        if redis.call('EXISTS', user) == 0 then
            redis.call('ZADD', KEYS[4], ended[2], id)
            result[#result + 1] = id
        end
    end
    if redis.call('EXISTS', KEYS[2] .. instance) == 0 then redis.call('ZREM', KEYS[1], instance) end
    return result
"""

# KEYS: the untold. ARGV: ms, how many users at most. Returns users who went offline so long ago, and how long in ms.
OVERDUE = f"""
    {NOW}
    local result = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[1], 'WITHSCORES', 'LIMIT', 0, ARGV[2])
    for i = 2, #result, 2 do result[i] = string.format('%d', now - result[i]) end
    return result
"""

# KEYS: the untold, hashes of users. ARGV: for each the id, and 1 where it was announced that the user is online, else
# 0. Returns 1 for each that is online.
TOLD = """
    local result = {}
    for i = 2, #KEYS do
        result[i - 1] = redis.call('EXISTS', KEYS[i])
        if result[i - 1] == tonumber(ARGV[i * 2 - 2]) then redis.call('ZREM', KEYS[1], ARGV[i * 2 - 3]) end
    end
    return result
"""

# KEYS: hashes of users. Returns 1 for each that is online.
ONLINE = """
    local result = {}
    for i, user in ipairs(KEYS) do result[i] = redis.call('EXISTS', user) end
    return result
"""


class LeaseState(IntEnum):
    """What Redis knows of an instance: `LOST` is one that has its lease, but not all that it has told."""

    ENDED = 0
    HELD = 1
    LOST = 2


class _Calls(Struct):
    """The numbers of an instance's last call, and of the last that was answered."""

    last: int = 0
    answered: int = -1


class LeaseClaim(Struct, frozen=True):
    """The sockets that a user has at an instance: `before` were let in, `count` are there with those that ask.

    A count of 0 holds a place that the user has, `LET_GO` gives it up.
    """

    user_id: str
    before: int
    count: int


class Verdict(Struct, frozen=True):
    """How many sockets the user may have here, and 1 if that brought it online, -1 if it took it offline."""

    count: int
    change: int


class SweptLeases(Struct, frozen=True):
    """Users that went offline because the lease of their instance ended, `ago` ms ago."""

    user_ids: list[str]
    ago: int


class Leases:
    """The scripts. Instances are ids of their own choice, each of which makes one call at a time; all methods raise
    SoftStateUnavailable."""

    def __init__(self, soft_state: SoftState, *, max_sockets: int) -> None:
        self._max_sockets = max_sockets
        self._lease = soft_state.script(LEASE)
        self._count = soft_state.script(COUNT)
        self._sweep = soft_state.script(SWEEP)
        self._overdue = soft_state.script(OVERDUE)
        self._told = soft_state.script(TOLD)
        self._online = soft_state.script(ONLINE)
        self._calls: dict[str, _Calls] = {}  # by instance

    async def begin(self, instance: str, ms: int) -> None:
        """Gives a new instance a lease. One that has lost something is whole again; what was lost is to be counted."""
        calls = self._calls.setdefault(instance, _Calls())
        calls.last = number = calls.last + 1
        await self._lease([INSTANCES, CALLS + instance], instance, ms, 1, number)
        calls.answered = number

    async def renew(self, instance: str, ms: int) -> LeaseState:
        """Lets a lease end in so many ms from now, which may be sooner than before, unless it has ended."""
        answered = self._calls.setdefault(instance, _Calls()).answered
        state = LeaseState(await self._lease([INSTANCES, CALLS + instance], instance, ms, 0, answered))
        if state is LeaseState.ENDED:
            self._calls.pop(instance, None)
        return state

    async def count(self, instance: str, claims: Sequence[LeaseClaim]) -> list[Verdict] | None:
        """Says how many sockets users have at an instance; None, and nothing done, when its lease has ended.

        Of sockets that ask to be let in, only as many are as the user may have on all living instances together.
        """
        calls = self._calls.setdefault(instance, _Calls())
        calls.last = number = calls.last + 1
        users = [OF_USER + claim.user_id for claim in claims]
        keys = [INSTANCES, OF_INSTANCE + instance, CALLS + instance, UNTOLD, *users]
        values = [value for claim in claims for value in (claim.user_id, claim.before, claim.count)]
        counted = await self._count(keys, instance, self._max_sockets, number, calls.answered, *values)
        if counted is None:
            self._calls.pop(instance, None)
            return None
        calls.answered = number
        return [Verdict(*pair) for pair in zip(counted[::2], counted[1::2], strict=True)]

    async def sweep(self, limit: int) -> SweptLeases | None:
        """Takes at most so many users out of an instance whose lease has ended; None when there is none such."""
        swept = await self._sweep([INSTANCES, OF_INSTANCE, OF_USER, UNTOLD], limit)
        return None if swept is None else SweptLeases(user_ids=swept[1:], ago=int(swept[0]))

    async def overdue(self, ms: int, limit: int) -> dict[str, int]:
        """At most so many users who went offline longer ago than `ms`, which nobody has told; how many ms ago."""
        found = await self._overdue([UNTOLD], ms, limit)
        return {user_id: int(ago) for user_id, ago in zip(found[::2], found[1::2], strict=True)}

    async def told(self, was_online: Mapping[str, bool]) -> set[str]:
        """It is announced of users whether they are online; those who are."""
        keys = [UNTOLD, *(OF_USER + user_id for user_id in was_online)]
        told = [value for user_id, online in was_online.items() for value in (user_id, int(online))]
        states = await self._told(keys, *told)
        return {user_id for user_id, state in zip(was_online, states, strict=True) if state}

    async def online(self, user_ids: Sequence[str]) -> set[str]:
        """Those of the users who are online."""
        states = await self._online([OF_USER + user_id for user_id in user_ids])
        return {user_id for user_id, state in zip(user_ids, states, strict=True) if state}
