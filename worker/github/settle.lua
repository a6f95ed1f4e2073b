-- Take back the leave of one request and learn from its answer.
--
-- KEYS as in acquire.lua
-- ARGV[1]  now, epoch seconds; "" asks Redis' own clock
-- ARGV[2]  token of the request
-- ARGV[3]  resource whose quota the answer told, or ""
-- ARGV[4]  limit told
-- ARGV[5]  remaining told
-- ARGV[6]  seconds until the window told resets
-- ARGV[7]  "ok", "limited" or "failed"
-- ARGV[8]  seconds to wait where limited; "" leaves it to us
-- ARGV[9]  reason where limited
--
-- Returns the seconds that everybody waits from now on, "0" where nobody has to.

local function now()
  if ARGV[1] ~= "" then
    return tonumber(ARGV[1])
  end
  local time = redis.call("TIME")
  return tonumber(time[1]) + tonumber(time[2]) / 1000000
end

local moment = now()
redis.call("ZREM", KEYS[2], ARGV[2])

if ARGV[3] ~= "" then
  -- What is told may not know of the requests that are still on their way: their cost comes off it.
  local remaining = tonumber(ARGV[5])
  for _, token in ipairs(redis.call("ZRANGE", KEYS[2], 0, -1)) do
    local resource, cost = string.match(token, ":(%w+):(%d+)$")
    if resource == ARGV[3] then
      remaining = remaining - tonumber(cost)
    end
  end
  redis.call("HSET", KEYS[1], "limit", ARGV[4], "remaining", remaining,
    "resets_at", string.format("%.3f", moment + tonumber(ARGV[6])))
  redis.call("EXPIRE", KEYS[1], 7200)
end

if ARGV[7] == "ok" then
  redis.call("HDEL", KEYS[3], "blocks")
end
if ARGV[7] ~= "limited" then
  return "0"
end

local wait = tonumber(ARGV[8])
if wait == nil then
  -- GitHub did not say: at least a minute, then twice as long each time, a quarter of an hour at most.
  local blocks = redis.call("HINCRBY", KEYS[3], "blocks", 1)
  wait = math.min(60 * 2 ^ (blocks - 1), 900)
end
local blocked_until = tonumber(redis.call("HGET", KEYS[3], "blocked_until") or "0")
if moment + wait > blocked_until then
  redis.call("HSET", KEYS[3], "blocked_until", string.format("%.3f", moment + wait), "reason", ARGV[9])
end
redis.call("EXPIRE", KEYS[3], 86400)
return tostring(wait)
