-- Ask for leave to send one request.
--
-- KEYS[1]  hash of one credential and resource: limit, remaining, resets_at, minute, minute_cost
-- KEYS[2]  sorted set of one credential's requests in flight: token -> when it is given up for lost
-- KEYS[3]  hash of one credential: blocked_until, blocks (in a row), reason
-- ARGV[1]  now, epoch seconds; "" asks Redis' own clock
-- ARGV[2]  token of this request, unique; it carries the cost: "<uuid>:<resource>:<cost>"
-- ARGV[3]  cost in points
-- ARGV[4]  requests allowed in flight
-- ARGV[5]  points allowed in one minute
-- ARGV[6]  points that are kept back from this caller
-- ARGV[7]  seconds after which a request in flight is given up for lost
--
-- Returns {granted, wait, reason}: {1, "0", ""}, or {0, seconds, "busy" | "limited: why"}.

local function now()
  if ARGV[1] ~= "" then
    return tonumber(ARGV[1])
  end
  local time = redis.call("TIME")
  return tonumber(time[1]) + tonumber(time[2]) / 1000000
end

local moment = now()
local cost = tonumber(ARGV[3])

local blocked_until = tonumber(redis.call("HGET", KEYS[3], "blocked_until") or "0")
if blocked_until > moment then
  local reason = redis.call("HGET", KEYS[3], "reason") or ""
  return {0, tostring(blocked_until - moment), "limited: " .. reason}
end

redis.call("ZREMRANGEBYSCORE", KEYS[2], "-inf", moment)
local in_flight = redis.call("ZCARD", KEYS[2])

local resets_at = tonumber(redis.call("HGET", KEYS[1], "resets_at") or "0")
local allowed = tonumber(ARGV[4])
if resets_at > moment then
  local remaining = tonumber(redis.call("HGET", KEYS[1], "remaining"))
  if remaining - cost < tonumber(ARGV[6]) then
    return {0, tostring(resets_at - moment), "limited: this hour's requests are used up"}
  end
else
  -- Nothing known of this window: one request goes ahead and teaches, the others wait for it.
  redis.call("HDEL", KEYS[1], "remaining", "resets_at")
  allowed = 1
end

local minute = math.floor(moment / 60)
local spent = 0
if tonumber(redis.call("HGET", KEYS[1], "minute") or "-1") == minute then
  spent = tonumber(redis.call("HGET", KEYS[1], "minute_cost"))
end
if spent > 0 and spent + cost > tonumber(ARGV[5]) then
  return {0, tostring((minute + 1) * 60 - moment), "limited: this minute's points are used up"}
end

if in_flight >= allowed then
  return {0, "0.1", "busy"}
end

redis.call("HSET", KEYS[1], "minute", minute, "minute_cost", spent + cost)
if resets_at > moment then
  redis.call("HINCRBY", KEYS[1], "remaining", -cost)
end
redis.call("ZADD", KEYS[2], moment + tonumber(ARGV[7]), ARGV[2])
redis.call("EXPIRE", KEYS[1], 7200)
redis.call("EXPIRE", KEYS[2], 7200)
return {1, "0", ""}
