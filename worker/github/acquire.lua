-- Acquire a permit for one request.
--
-- KEYS[1]  hash of one credential and resource: limit, remaining, resets_at, paced_until,
--          spent_until, unlimited_until
-- KEYS[2]  sorted set of one credential's requests in flight: token -> when it counts as lost
-- KEYS[3]  hash of one credential: blocked_until, blocks (in a row), reason
-- KEYS[4]  exists while GitHub refuses the credential
-- ARGV[1]  now, epoch seconds; "" uses Redis' own clock
-- ARGV[2]  token of this request, unique; it carries the cost: "<uuid>:<resource>:<cost>"
-- ARGV[3]  cost in points
-- ARGV[4]  requests allowed in flight
-- ARGV[5]  points a minute
-- ARGV[6]  burst: points more than that at once, after a pause
-- ARGV[7]  part of the hour's limit that is reserved for other callers
-- ARGV[8]  seconds after which a request in flight counts as lost
--
-- Returns {"granted" | "busy" | "paced" | "limited" | "refused", seconds to wait, reason}; "busy"
-- lasts until another request settles.

local function now()
  if ARGV[1] ~= "" then
    return tonumber(ARGV[1])
  end
  local time = redis.call("TIME")
  return tonumber(time[1]) + tonumber(time[2]) / 1000000
end

local moment = now()
local cost = tonumber(ARGV[3])

if redis.call("EXISTS", KEYS[4]) == 1 then
  return {"refused", tostring(redis.call("TTL", KEYS[4])), ""}
end

local blocked_until = tonumber(redis.call("HGET", KEYS[3], "blocked_until") or "0")
if blocked_until > moment then
  return {"limited", tostring(blocked_until - moment), redis.call("HGET", KEYS[3], "reason") or ""}
end

redis.call("ZREMRANGEBYSCORE", KEYS[2], "-inf", moment)
local in_flight = redis.call("ZCARD", KEYS[2])

local spent_until = tonumber(redis.call("HGET", KEYS[1], "spent_until") or "0")
if spent_until > moment then
  return {"limited", tostring(spent_until - moment), "this hour's requests are used up"}
end

local resets_at = tonumber(redis.call("HGET", KEYS[1], "resets_at") or "0")
local allowed = tonumber(ARGV[4])
if resets_at > moment then
  local limit = tonumber(redis.call("HGET", KEYS[1], "limit"))
  local remaining = tonumber(redis.call("HGET", KEYS[1], "remaining"))
  if remaining - cost < math.floor(limit * tonumber(ARGV[7])) then
    return {"limited", tostring(resets_at - moment), "this hour's requests are used up"}
  end
else
  redis.call("HDEL", KEYS[1], "limit", "remaining", "resets_at")
  if tonumber(redis.call("HGET", KEYS[1], "unlimited_until") or "0") <= moment then
    -- Nothing is known of this window: one request goes ahead, the others wait for its answer.
    allowed = 1
  end
end

if in_flight >= allowed then
  return {"busy", "0", ""}
end

-- Each point takes its share of a minute; a caller that is ahead by more than the burst waits.
local share = 60 / tonumber(ARGV[5])
local paced_until = math.max(tonumber(redis.call("HGET", KEYS[1], "paced_until") or "0"), moment)
local ahead = paced_until - moment - tonumber(ARGV[6]) * share
if ahead > 0 then
  return {"paced", tostring(ahead), ""}
end

redis.call("HSET", KEYS[1], "paced_until", string.format("%.3f", paced_until + cost * share))
if resets_at > moment then
  redis.call("HINCRBY", KEYS[1], "remaining", -cost)
end
redis.call("ZADD", KEYS[2], moment + tonumber(ARGV[8]), ARGV[2])
redis.call("EXPIRE", KEYS[1], 7200)
redis.call("EXPIRE", KEYS[2], 7200)
return {"granted", "0", ""}
