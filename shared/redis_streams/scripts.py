"""The Lua scripts by which messages move. Each checks first and writes after: an error midway would not roll back."""

from dataclasses import dataclass, field
from hashlib import sha1


@dataclass(frozen=True, slots=True)
class Script:
    """A Lua script and the digest it is called by."""

    text: str
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "digest", sha1(self.text.encode(), usedforsecurity=False).hexdigest())


_NOW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""

_IS_STREAM = """
local function is_stream(key)
  local kind = redis.call('TYPE', key).ok
  return kind == 'stream' or kind == 'none'
end
"""

_SEEN = """
local function seen_key(stream, id) return 'seen:' .. string.match(stream, '{.-}') .. ':' .. id end
local function content(kind, body) return string.sub(redis.sha1hex(kind .. body), 1, 16) end
"""

ACQUIRE = Script(
    _NOW
    + """
-- KEYS lease | ARGV owner, ttl ms -> {epoch, or 0 where another owner holds it; epoch of the live lease it ends, or 0}
-- The epoch is at least the clock, so that a Redis that went back in time hands out no epoch twice.
local held = redis.call('HMGET', KEYS[1], 'owner', 'until', 'epoch')
local alive = held[1] and tonumber(held[2]) > now
if alive and held[1] ~= ARGV[1] then return {0, 0} end
local epoch = math.max(tonumber(held[3] or 0) + 1, now)
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'until', now + ARGV[2], 'epoch', epoch)
return {epoch, alive and tonumber(held[3]) or 0}
"""
)

RENEW = Script(
    _NOW
    + """
-- KEYS lease | ARGV epoch, ttl ms -> 1, or 0 where it is no longer ours
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'until', now + ARGV[2])
return 1
"""
)

RELEASE = Script(
    """
-- KEYS lease | ARGV epoch
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'owner', '', 'until', 0)
return 1
"""
)

HEARTBEAT = Script(
    _NOW
    + """
-- KEYS members | ARGV name, ttl ms -> the names alive
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(' .. (now - ARGV[2]))
return redis.call('ZRANGE', KEYS[1], 0, -1)
"""
)

TAKE_PENDING = Script(
    """
-- KEYS stream | ARGV group, consumer, count -> {id, fields or false} of the oldest pending entries, now ours
-- An entry that was trimmed while pending is acknowledged here: nothing is left to handle, the caller reports it.
local taken, present = {}, {}
for _, entry in ipairs(redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', ARGV[3])) do
  local id = entry[1]
  local found = redis.call('XRANGE', KEYS[1], id, id)[1]
  if found then present[#present + 1] = id else redis.call('XACK', KEYS[1], ARGV[1], id) end
  taken[#taken + 1] = {id, found and found[2] or false}
end
if #present > 0 then redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, unpack(present, 1, #present)) end
return taken
"""
)

COMMIT = Script(
    _IS_STREAM
    + _SEEN
    + """
-- KEYS lease, mark, input streams..., destination streams...
-- ARGV epoch, group, mark or '', seconds an output id is remembered, number of input streams, of destinations,
--      per input stream: count, ids...
--      per output: destination, id to remember or '', number of fields, fields (k, kind, b, body, ...)...
local epoch, group, mark, keep = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local inputs, destinations = tonumber(ARGV[5]), tonumber(ARGV[6])
if redis.call('HGET', KEYS[1], 'epoch') ~= epoch then return {'stale'} end
local at, acks = 7, {}
for s = 1, inputs do
  local key, count = KEYS[2 + s], tonumber(ARGV[at])
  local first, last = at + 1, at + count
  local rows = redis.pcall('XPENDING', key, group, ARGV[first], ARGV[last], count)
  if rows.err then return {'nogroup', key} end
  local pending = {}
  for _, row in ipairs(rows) do pending[row[1]] = true end
  for i = first, last do
    if not pending[ARGV[i]] and #redis.call('XPENDING', key, group, ARGV[i], ARGV[i], 1) == 0 then
      return {'not_pending', key .. ' ' .. ARGV[i]}
    end
  end
  acks[s] = {first, last}
  at = last + 1
end
for d = 1, destinations do
  if not is_stream(KEYS[2 + inputs + d]) then return {'wrongtype', KEYS[2 + inputs + d]} end
end
local outputs, i = {}, at
while i <= #ARGV do
  local key, id, size = KEYS[2 + inputs + ARGV[i]], ARGV[i + 1], tonumber(ARGV[i + 2])
  local seen = false
  if id ~= '' then
    seen = redis.call('GET', seen_key(key, id))
    if seen and seen ~= content(ARGV[i + 4], ARGV[i + 6]) then return {'differs', id} end
  end
  if not seen then outputs[#outputs + 1] = {key, id, i + 3, i + 2 + size} end
  i = i + 3 + size
end
for _, output in ipairs(outputs) do
  local key, id, first, last = output[1], output[2], output[3], output[4]
  if id == '' or redis.call('SET', seen_key(key, id), content(ARGV[first + 1], ARGV[first + 3]), 'NX', 'EX', keep) then
    redis.call('XADD', key, '*', unpack(ARGV, first, last))
  end
end
for s = 1, inputs do redis.call('XACK', KEYS[2 + s], group, unpack(ARGV, acks[s][1], acks[s][2])) end
if mark ~= '' then redis.call('SET', KEYS[2], mark) end
return {'ok'}
"""
)

PUBLISH_NEWER = Script(
    _IS_STREAM
    + """
-- KEYS per item: cursors, stream | ARGV per item: field, cursor, number of fields, fields... -> 1 or 0 per item
for k = 2, #KEYS, 2 do
  if not is_stream(KEYS[k]) then return redis.error_reply('WRONGTYPE ' .. KEYS[k]) end
end
local published, at = {}, 1
for item = 1, #KEYS / 2 do
  local cursors, stream = KEYS[2 * item - 1], KEYS[2 * item]
  local field, cursor, size = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
  local last = redis.call('HGET', cursors, field)
  if last and tonumber(cursor) <= tonumber(last) then
    published[item] = 0
  else
    redis.call('XADD', stream, '*', unpack(ARGV, at + 3, at + 2 + size))
    redis.call('HSET', cursors, field, cursor)
    published[item] = 1
  end
  at = at + 3 + size
end
return published
"""
)

PUBLISH_UNSEEN = Script(
    _IS_STREAM
    + _SEEN
    + """
-- KEYS stream | ARGV id, seconds to remember it, fields (k, kind, b, body, ...)... -> 1 new, 0 seen, -1 other content
local key, mine = seen_key(KEYS[1], ARGV[1]), content(ARGV[4], ARGV[6])
local seen = redis.call('GET', key)
if seen then return seen == mine and 0 or -1 end
if not is_stream(KEYS[1]) then return redis.error_reply('WRONGTYPE ' .. KEYS[1]) end
redis.call('XADD', KEYS[1], '*', unpack(ARGV, 3))
redis.call('SET', key, mine, 'EX', ARGV[2])
return 1
"""
)
