-- redis: the peers' one script: one order for each buyer, stock, and a stream that others read.
-- Why:    what nginx with Lua and webdis would run, in as few commands as it takes.
-- Never:  knows windows, states, a fence: it believes whatever Redis has after a failover.
--
-- KEYS: 1 stock (hash, sku to units) · 2 orders (hash, buyer to order) · 3 log (stream) ·
--       4 counter of order numbers
-- ARGV: 1 buyer · 2 sku · 3 quantity · 4 Idempotency-Key, may be empty
-- Reply: the outcome, and for an order its number, for "sold-out" the units left

local asked = ARGV[4] .. ' ' .. ARGV[2] .. ' ' .. ARGV[3]
local held = redis.call('HGET', KEYS[2], ARGV[1])
if held then
    local order_no, what = string.match(held, '^(%d+) (.*)$')
    return {ARGV[4] ~= '' and what == asked and 'replayed' or 'limit-reached', order_no}
end
local left = redis.call('HGET', KEYS[1], ARGV[2])
if not left then
    return {'unknown-sku', ''}
end
if tonumber(left) < tonumber(ARGV[3]) then
    return {'sold-out', left}
end
local order_no = string.format('%d', redis.call('INCR', KEYS[4]))
redis.call('HINCRBY', KEYS[1], ARGV[2], -ARGV[3])
redis.call('HSET', KEYS[2], ARGV[1], order_no .. ' ' .. asked)
redis.call('XADD', KEYS[3], '*', 'order', order_no, 'buyer', ARGV[1], 'sku', ARGV[2], 'quantity',
    ARGV[3])
return {'accepted', order_no}
