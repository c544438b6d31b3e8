"""Every Lua script of the bus. Each checks first and writes after: an error midway would not roll back."""

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
-- KEYS lease | ARGV owner, ttl ms -> epoch, or 0 where another owner holds it
-- The epoch is at least the clock, so that a Redis that went back in time hands out no epoch twice.
local held = redis.call('HMGET', KEYS[1], 'owner', 'until', 'epoch')
if held[1] and held[1] ~= ARGV[1] and tonumber(held[2]) > now then return 0 end
local epoch = math.max(tonumber(held[3] or 0) + 1, now)
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'until', now + ARGV[2], 'epoch', epoch)
return epoch
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

WAITING_IN = """
-- KEYS any of the slot | ARGV partitions... -> fingerprint, {key, group, pending, unread}...
-- An entry is unread while an id above the group's last delivered one stands in the stream.
-- The streams and their groups stand before this as `readers`: to send them each time would cost more than the look.
local waiting, newest_ids = {}, {}
for _, partition in ipairs(ARGV) do
  for _, reader in ipairs(readers) do
    local key = reader[1] .. ':{' .. partition .. '}'
    local newest = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]
    if newest then
      newest_ids[#newest_ids + 1] = newest[1]
      local groups = {}
      for _, info in ipairs(redis.call('XINFO', 'GROUPS', key)) do groups[info[2]] = info end
      for _, group in ipairs(reader[2]) do
        local info = groups[group]
        local pending, unread = info and info[6] or 0, not info
        if info and info[8] ~= newest[1] then
          unread = #redis.call('XRANGE', key, '(' .. info[8], '+', 'COUNT', 1) > 0
        end
        if pending > 0 or unread then waiting[#waiting + 1] = {key, group, pending, unread and 1 or 0} end
      end
    end
  end
end
return {redis.sha1hex(table.concat(newest_ids, ' ')), waiting}
"""

TRIM = Script(
    """
-- KEYS trimmed, stream | ARGV entries to leave in peace, groups... -> removed, unknown groups...
-- The safe point is the least of every group's oldest pending or last delivered entry; a group that is missing
-- has read nothing. Without any group in the topology the stream keeps so many entries.
local key, keep = KEYS[2], tonumber(ARGV[1])
local reply = {0}
if redis.call('EXISTS', key) == 0 then return reply end
local function parts(id) local ms, seq = string.match(id, '(%d+)-(%d+)'); return tonumber(ms), tonumber(seq) end
local function earlier(a, b)
  local am, as = parts(a)
  local bm, bs = parts(b)
  return am < bm or (am == bm and as < bs)
end
local missing = {}
for i = 2, #ARGV do missing[ARGV[i]] = true end
local safe
for _, info in ipairs(redis.call('XINFO', 'GROUPS', key)) do
  local group = info[2]
  if missing[group] then
    missing[group] = nil
    local oldest = info[8]
    if info[6] > 0 then oldest = redis.call('XPENDING', key, group)[2] end
    if not safe or earlier(oldest, safe) then safe = oldest end
  else
    reply[#reply + 1] = group
  end
end
if next(missing) or redis.call('XLEN', key) <= keep then return reply end
if safe then
  reply[1] = redis.call('XTRIM', key, 'MINID', safe)
elseif #ARGV == 1 then
  reply[1] = redis.call('XTRIM', key, 'MAXLEN', keep)
end
if reply[1] > 0 then redis.call('HINCRBY', KEYS[1], key, reply[1]) end
return reply
"""
)

LAG = Script(
    """
-- KEYS streams of one partition | ARGV group -> pending, lag over all of them; a stream's lag counts to 10000 on 6.2
local pending, lag = 0, 0
for _, key in ipairs(KEYS) do
  local found = false
  for _, info in ipairs(redis.call('EXISTS', key) == 1 and redis.call('XINFO', 'GROUPS', key) or {}) do
    if info[2] == ARGV[1] then
      found = true
      pending = pending + info[6]
      lag = lag + (info[12] or #redis.call('XRANGE', key, '(' .. info[8], '+', 'COUNT', 10000))
    end
  end
  if not found then lag = lag + redis.call('XLEN', key) end
end
return {pending, lag}
"""
)

OVERVIEW = Script(
    """
-- KEYS stream, trimmed | ARGV groups... -> length, trimmed, {pending, lag} per group; lag counts to 10000 on 6.2
local key = KEYS[1]
local length = redis.call('XLEN', key)
local reply = {length, tonumber(redis.call('HGET', KEYS[2], key) or 0)}
local groups = {}
if redis.call('EXISTS', key) == 1 then
  for _, info in ipairs(redis.call('XINFO', 'GROUPS', key)) do groups[info[2]] = info end
end
for _, name in ipairs(ARGV) do
  local info = groups[name]
  if not info then
    reply[#reply + 1] = {0, length}
  else
    local lag = info[12]
    if not lag then lag = #redis.call('XRANGE', key, '(' .. info[8], '+', 'COUNT', 10000) end
    reply[#reply + 1] = {info[6], lag}
  end
end
return reply
"""
)

REQUEUE = Script(
    """
-- KEYS dead, retry | ARGV id of the dead letter -> 1, or 0 where there is none
local found = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])[1]
if not found then return 0 end
local letter = {}
for i = 1, #found[2], 2 do letter[found[2][i]] = found[2][i + 1] end
redis.call('XADD', KEYS[2], '*', 'k', letter['k'], 'b', letter['b'], 's', letter['stream'], 't', letter['t'] or '')
redis.call('XDEL', KEYS[1], ARGV[1])
return 1
"""
)
