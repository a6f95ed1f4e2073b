-- Return the permit of one request and store what its answer said about the quota.
--
-- KEYS[1] to KEYS[4] as in acquire.lua
-- KEYS[5]  list that wakes waiting callers, one for each permit that is returned
-- KEYS[6]  when the credential's token expires
-- ARGV[1]  now, epoch seconds; "" uses Redis' own clock
-- ARGV[2]  token of the request
-- ARGV[3]  limit of the resource in the answer, "" if the answer has none
-- ARGV[4]  remaining in the answer
-- ARGV[5]  seconds until the window in the answer resets
-- ARGV[6]  "ok", "unlimited" (ok, and the server counts no requests), "spent" (this resource's hour
--          is used up), "limited" (both resources wait), or "failed"
-- ARGV[7]  seconds to wait if spent or limited; "" if GitHub did not say
-- ARGV[8]  reason if limited
-- ARGV[9]  when the token expires, epoch seconds; "" if GitHub did not say
--
-- Returns the seconds to wait before the next request for this resource, or "0".

local function now()
  if ARGV[1] ~= "" then
    return tonumber(ARGV[1])
  end
  local time = redis.call("TIME")
  return tonumber(time[1]) + tonumber(time[2]) / 1000000
end

local moment = now()
local resource, cost = string.match(ARGV[2], ":(%w+):(%d+)$")
redis.call("ZREM", KEYS[2], ARGV[2])

-- Kept for a moment if no caller waits yet: one may have been refused just before.
redis.call("LPUSH", KEYS[5], "freed")
redis.call("LTRIM", KEYS[5], 0, 1)
redis.call("EXPIRE", KEYS[5], 5)

local function learn(limit, remaining, resets_at)
  redis.call("HDEL", KEYS[1], "unlimited_until")
  redis.call("HSET", KEYS[1], "limit", limit, "remaining", remaining,
    "resets_at", string.format("%.3f", resets_at))
  redis.call("EXPIRE", KEYS[1], 7200)
end

if ARGV[9] ~= "" then
  -- Longer than the pause between two days' scans.
  redis.call("SET", KEYS[6], ARGV[9], "EX", 172800)
end

local known_until = tonumber(redis.call("HGET", KEYS[1], "resets_at") or "0")
local known = tonumber(redis.call("HGET", KEYS[1], "remaining"))

if ARGV[3] ~= "" then
  -- The answer may not include requests still in flight: subtract their cost.
  local remaining = tonumber(ARGV[4])
  for _, token in ipairs(redis.call("ZRANGE", KEYS[2], 0, -1)) do
    local other, its_cost = string.match(token, ":(%w+):(%d+)$")
    if other == resource then
      remaining = remaining - tonumber(its_cost)
    end
  end
  local resets_at = moment + tonumber(ARGV[5])
  if known and math.abs(known_until - resets_at) < 60 then
    -- Answers overtake each other: within one window the remaining points never grow.
    remaining = math.min(remaining, known)
  end
  learn(ARGV[3], remaining, resets_at)
elseif ARGV[6] == "unlimited" and tonumber(cost) > 0 then
  -- For an hour, as long as a window: then one request goes ahead again.
  redis.call("HSET", KEYS[1], "unlimited_until", string.format("%.3f", moment + 3600))
  redis.call("EXPIRE", KEYS[1], 7200)
elseif ARGV[6] == "failed" and known and known_until > moment then
  -- The request may not have reached GitHub; if it has, the next answer says so.
  redis.call("HINCRBY", KEYS[1], "remaining", cost)
end

if ARGV[6] == "ok" or ARGV[6] == "unlimited" then
  redis.call("HDEL", KEYS[3], "blocks")
end
if ARGV[6] == "spent" then
  learn(redis.call("HGET", KEYS[1], "limit") or "1", 0, moment + tonumber(ARGV[7]))
  -- In a field of its own, because an answer in flight may be of another window.
  redis.call("HSET", KEYS[1], "spent_until", string.format("%.3f", moment + tonumber(ARGV[7])))
  return ARGV[7]
end
if ARGV[6] ~= "limited" then
  return "0"
end

local blocked_until = tonumber(redis.call("HGET", KEYS[3], "blocked_until") or "0")
local wait = tonumber(ARGV[7])
if wait == nil then
  -- GitHub did not say: a minute, then twice as long each time, at most a quarter of an hour.
  -- Requests in flight when the first was refused are the same refusal.
  local blocks = tonumber(redis.call("HGET", KEYS[3], "blocks") or "0")
  if blocked_until <= moment or blocks == 0 then
    blocks = redis.call("HINCRBY", KEYS[3], "blocks", 1)
  end
  wait = math.min(60 * 2 ^ (blocks - 1), 900)
end
if moment + wait > blocked_until then
  redis.call("HSET", KEYS[3], "blocked_until", string.format("%.3f", moment + wait), "reason", ARGV[8])
end
redis.call("EXPIRE", KEYS[3], 86400)
return tostring(wait)
