"""The Lua scripts by which the bus is looked at and kept tidy."""

from shared.redis_streams.scripts import Script

WAITING_IN = """
-- KEYS any of the slot | ARGV how many are enough, partitions... -> fingerprint, {key, group, pending, unread}...
-- An entry is unread while an id above the group's last delivered one stands in the stream.
-- The streams and their groups stand before this as `readers`: to send them each time would cost more than the look.
local waiting, newest_ids, enough = {}, {}, tonumber(ARGV[1])
for place = 2, #ARGV do
  for _, reader in ipairs(readers) do
    local key = reader[1] .. ':{' .. ARGV[place] .. '}'
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
        if #waiting >= enough then return {'', waiting} end
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
