"""What Redis does by itself for the routing: a library of functions, each of which happens at once.

All keys begin with one prefix, whose hash tag keeps them in one slot of a cluster:

| Key | What it holds |
|---|---|
| `last` | the id of the last record |
| `inbox:<inbox>` | the stream of one instance |
| `common` | the stream that all instances read beside their own: what is for nearly all of them stands here once |
| `inboxes` | all inboxes by the time of their last sign of life (ms, by the clock of Redis) |
| `interest:<namespace>,<room>` | the inboxes that hear of a room |
| `versions` | for each inbox, how many orders of its instance were carried out |
| `given` | for each inbox, the id of the last record by which it was given rooms |
| `settling` | is there for a moment after Redis has lost everything: nothing is stored until all instances are back |
| `writer:<token>` | of each writer, what it has written last, by which a repetition is known |

An inbox whose stream does not exist is dead: whoever comes across its name takes it out.
"""

import hashlib
from collections.abc import Sequence

from protocol.cluster.interest.joined_streams import MIXED
from protocol.cluster.interest.routing_keys import LEASE, RoutingKeys
from protocol.server.redis.connection import pack

KEEP_INBOX = 86_400_000  # ms after which an inbox is forgotten, where no other instance is left to do so
KEEP_INTEREST = 3_600_000  # ms; instances repeat theirs in half of that
NO_INBOX = "NOINBOX"  # code of the refusal where Redis does not know the inbox of a publisher

_LUA = """
local KEEP_WRITER = '86400000'

local function now_ms()
  local now = redis.call('TIME')
  return now[1] * 1000 + math.floor(now[2] / 1000)
end

local function parts(id)
  local dash = string.find(id, '-', 1, true)
  return tonumber(string.sub(id, 1, dash - 1)), tonumber(string.sub(id, dash + 1))
end

local function is_after(one, other)
  local ms, count = parts(one)
  local other_ms, other_count = parts(other)
  return ms > other_ms or (ms == other_ms and count > other_count)
end

local function text(ms, count)
  return string.format('%.0f-%.0f', ms, count)
end

-- The id of the newest entry of a stream, or nil.
local function newest(stream)
  local entry = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1]
  return entry and entry[1]
end

-- The id of the newest entry of what an instance reads; '' is nobody's inbox.
local function newest_for(prefix, inbox)
  local own, common = newest(prefix .. 'inbox:' .. inbox) or '0-0', newest(prefix .. 'common') or '0-0'
  return is_after(own, common) and own or common
end

-- The last id that was given, as it is known; where it was lost, that of the newest entry that is left.
local function last_id(prefix, last)
  if last then return last end
  last = newest_for(prefix, '')
  for _, inbox in ipairs(redis.call('ZRANGE', prefix .. 'inboxes', 0, -1)) do
    local id = newest_for(prefix, inbox)
    if is_after(id, last) then last = id end
  end
  return last
end

-- The next id, by the clock of Redis, and higher than all before whatever that clock does.
local function next_id(prefix, last)
  local ms, count = now_ms(), 0
  local last_ms, last_count = parts(last_id(prefix, last))
  if last_ms >= ms then ms, count = last_ms, last_count + 1 end
  return ms, count
end

local function forget(prefix, inbox)
  redis.call('DEL', prefix .. 'inbox:' .. inbox)
  redis.call('ZREM', prefix .. 'inboxes', inbox)
  redis.call('HDEL', prefix .. 'versions', inbox)
  redis.call('HDEL', prefix .. 'given', inbox)
end

-- The inboxes that hear of a room; of '' all. Within a call each room is looked up once.
local function hearers(prefix, known, room)
  local found = known[room]
  if not found then
    if room == '' then
      found = redis.call('ZRANGE', prefix .. 'inboxes', 0, -1)
    else
      found = redis.call('SMEMBERS', prefix .. 'interest:' .. room)
    end
    known[room] = found
  end
  return found
end

-- Adds the inboxes that hear of any of the rooms args[first..last] to a list; of no rooms, all inboxes.
local function collect(prefix, known, args, first, last, inboxes, seen)
  for at = first, math.max(first, last) do
    for _, inbox in ipairs(hearers(prefix, known, at > last and '' or args[at])) do
      if not seen[inbox] then
        seen[inbox] = true
        inboxes[#inboxes + 1] = inbox
      end
    end
  end
  return inboxes
end

-- Whoever gets a record by which sockets join rooms hears of these from now on: the sockets may be there.
local function give(prefix, known, args, first, last, inboxes, id)
  for at = first, last do
    local key = prefix .. 'interest:' .. args[at]
    redis.call('SADD', key, unpack(inboxes))
    redis.call('PEXPIRE', key, KEEP_INTEREST)
    known[args[at]] = nil
  end
  for _, inbox in ipairs(inboxes) do redis.call('HSET', prefix .. 'given', inbox, id) end
end

-- Whether a record for some of the inboxes costs less where all instances read it.
local function is_for_all(some, all)
  return some > 1 and some * 8 >= all * 7
end

-- Writes the record of args[at] to a stream; false where there is no such stream. `is_mixed`: another stream has got
-- one by the same call, which is to be read before.
local function add(stream, is_mixed, max_len, id, args, at)
  local entry = { id, 'nsp', args[at + 1], 'type', args[at + 2], 'data', args[at + 3] }
  if is_mixed then
    entry[8] = 'MIXED'
    entry[9] = ''
  end
  return redis.call('XADD', stream, 'NOMKSTREAM', 'MAXLEN', '~', max_len, unpack(entry)) and true or false
end

-- publish: <inbox or ''> <writer> <max_len>, then for each record: <number> <nsp> <type> <data>,
-- the count of its rooms (-1: all instances) and the rooms, and the same of those that sockets join.
local function publish(keys, args)
  local prefix = string.sub(keys[1], 1, -5)
  local own, writer, max_len = args[1], prefix .. 'writer:' .. args[2], args[3]
  local last, done, settling = unpack(redis.call('MGET', keys[1], writer, prefix .. 'settling'))
  if settling then return redis.error_reply('SETTLING the instances come back') end
  if own ~= '' and redis.call('EXISTS', prefix .. 'inbox:' .. own) == 0 then
    return redis.error_reply('NOINBOX the inbox ' .. own .. ' is not known any more')
  end
  local all, in_inboxes, in_common = redis.call('ZCARD', prefix .. 'inboxes'), false, false
  local ms, count = next_id(prefix, last)
  local first, at, known, ids = tonumber(args[4]), 4, {}, {}
  local done_first, done_last, done_ms, done_count
  if done then
    done_first, done_last, done_ms, done_count = string.match(done, '(%d+) (%d+) (%d+) (%d+)')
    done_first, done_last = tonumber(done_first), tonumber(done_last)
  end
  local number
  while args[at] do
    number = tonumber(args[at])
    local rooms = tonumber(args[at + 4])
    local rooms_end = at + 4 + math.max(rooms, 0)
    local joined = rooms_end + 1
    local joined_end = joined + tonumber(args[joined])
    local id
    if done and number <= done_last then
      id = text(tonumber(done_ms), tonumber(done_count) + number - done_first)
    else
      id = text(ms, count + number - first)
      local inboxes, seen = {}, {}
      if own ~= '' then
        inboxes[1] = own
        seen[own] = true
      end
      collect(prefix, known, args, at + 5, rooms_end, inboxes, seen)
      local is_stored = false
      -- Whoever has sockets that join rooms by a record finds it in the own inbox: see `order`.
      if joined_end == joined and is_for_all(#inboxes, all) then
        is_stored = add(prefix .. 'common', in_inboxes, max_len, id, args, at)
        in_common = in_common or is_stored
      end
      if not is_stored then
        in_inboxes = true
        for _, inbox in ipairs(inboxes) do
          if not add(prefix .. 'inbox:' .. inbox, in_common, max_len, id, args, at) then
            forget(prefix, inbox)
            for room = at + 5, rooms_end do redis.call('SREM', prefix .. 'interest:' .. args[room], inbox) end
            known = {}
          end
        end
      end
      if joined_end > joined and inboxes[1] then
        give(prefix, known, args, joined + 1, joined_end, inboxes, id)
      end
    end
    ids[#ids + 1] = id
    at = joined_end + 1
  end
  if not done or number > done_last then
    redis.call('SET', prefix .. 'last', text(ms, count + number - first))
    redis.call('SET', writer, string.format('%.0f %.0f %.0f %.0f', first, number, ms, count), 'PX', KEEP_WRITER)
  end
  return ids
end

-- register: <inbox> <ms for which nothing is stored if Redis has lost everything>. Returns the id from which on it
-- hears, and that of the newest entry in the common stream, which always has one.
local function register(keys, args)
  local prefix, inbox = string.sub(keys[1], 1, -5), args[1]
  local last = redis.call('GET', keys[1])
  if not last and args[2] ~= '0' then redis.call('SET', prefix .. 'settling', '1', 'PX', args[2]) end
  local id = text(next_id(prefix, last))
  redis.call('XADD', prefix .. 'inbox:' .. inbox, id, 'nsp', '', 'type', '')
  redis.call('PEXPIRE', prefix .. 'inbox:' .. inbox, KEEP_INBOX)
  redis.call('ZADD', prefix .. 'inboxes', now_ms(), inbox)
  redis.call('HSET', prefix .. 'versions', inbox, 0)
  redis.call('SET', prefix .. 'last', id)
  local common = prefix .. 'common'
  local seen = newest(common) or redis.call('XADD', common, id, 'nsp', '', 'type', '')
  redis.call('PEXPIRE', common, KEEP_INBOX)
  return { id, seen }
end

-- order: <inbox> <version> <offset up to which the instance has read> <rooms to hear of> <the same, withdrawn>.
-- Returns whether the withdrawals are carried out (1, or 0 where the instance has not read of all rooms that it was
-- given), the last id that was given, and that of the newest entry for the instance; 0 alone if there is no such inbox,
-- or the order before this one is lost.
local function order(keys, args)
  local prefix, inbox, read = string.sub(keys[1], 1, -5), args[1], args[3]
  local stream, ahead = prefix .. 'inbox:' .. inbox, tonumber(args[2])
  local version = redis.call('HGET', prefix .. 'versions', inbox)
  if version then ahead = ahead - tonumber(version) end
  if redis.call('EXISTS', stream) == 0 or not version or ahead < 0 or ahead > 1 then return { 0 } end
  local announced = tonumber(args[4])
  for at = 5, 4 + announced do
    local key = prefix .. 'interest:' .. args[at]
    redis.call('SADD', key, inbox)
    redis.call('PEXPIRE', key, KEEP_INTEREST)
  end
  local withdrawn, is_done = 5 + announced, 1
  if args[withdrawn] then
    local given = redis.call('HGET', prefix .. 'given', inbox)
    if given and is_after(given, read) then
      is_done = 0
    else
      for at = withdrawn, #args do redis.call('SREM', prefix .. 'interest:' .. args[at], inbox) end
    end
  end
  redis.call('HSET', prefix .. 'versions', inbox, args[2])
  return { is_done, last_id(prefix, redis.call('GET', keys[1])), newest_for(prefix, inbox) }
end

-- renew: <inbox> <version> <age in ms from which on others are forgotten; 0: none are>. Returns 1; 0 if the inbox, or
-- an order, is lost.
local function renew(keys, args)
  local prefix, inbox, age = string.sub(keys[1], 1, -5), args[1], tonumber(args[3])
  local version = redis.call('HGET', prefix .. 'versions', inbox)
  if redis.call('PEXPIRE', prefix .. 'inbox:' .. inbox, KEEP_INBOX) == 0 or not version
      or tonumber(version) < tonumber(args[2]) then
    return 0
  end
  redis.call('PEXPIRE', prefix .. 'common', KEEP_INBOX)
  local now = now_ms()
  redis.call('ZADD', prefix .. 'inboxes', now, inbox)
  if age > 0 then
    for _, other in ipairs(redis.call('ZRANGEBYSCORE', prefix .. 'inboxes', '-inf', now - age)) do
      forget(prefix, other)
    end
  end
  return 1
end

-- leave: <inbox> <1 to go on filling it for clients that come back, 0 to forget it>
local function leave(keys, args)
  local prefix = string.sub(keys[1], 1, -5)
  if args[2] == '1' then
    redis.call('ZADD', prefix .. 'inboxes', 'XX', now_ms() - LEASE, args[1])
  else
    forget(prefix, args[1])
  end
  return 1
end

-- hearing: <rooms>. The inboxes that hear of any.
local function hearing(keys, args)
  return collect(string.sub(keys[1], 1, -5), {}, args, 1, #args, {}, {})
end
"""

_CODE = _LUA.replace("KEEP_INTEREST", str(KEEP_INTEREST)).replace("KEEP_INBOX", str(KEEP_INBOX))
_CODE = _CODE.replace("LEASE", str(LEASE)).replace("MIXED", MIXED)
_WRITING = ("publish", "register", "order", "renew", "leave")
VERSION = hashlib.sha256(_CODE.encode()).hexdigest()[
    :12
]  # other code has another name, and both can be there
_NAMES = "\n".join(f"redis.register_function('parley_{VERSION}_{name}', {name})" for name in _WRITING)
_READING = f"function_name='parley_{VERSION}_hearing', callback=hearing, flags={{'no-writes'}}"
LIBRARY = f"#!lua name=parley_{VERSION}\n{_CODE}\n{_NAMES}\nredis.register_function{{{_READING}}}\n"
LOAD = pack(("FUNCTION", "LOAD", LIBRARY))


def is_loaded_already(refusal: str) -> bool:
    """True for the answer to `LOAD` of a Redis that has the library."""
    return "already exists" in refusal


def call_words(function: str, keys: RoutingKeys) -> Sequence[str]:
    """Its words before the arguments."""
    return ("FCALL", f"parley_{VERSION}_{function}", "1", keys.last)
