#!lua
-- own_orders: all that one buyer holds in a sale, and the first outbox entry, at one moment.
-- Why:    an order whose seq is not below that of the first entry may not be in the order log yet;
--         the two must be read together (PROTOCOL §3.5, §7).
-- Never:  writes; answers on a history that the fence refuses, or half loaded.
--
--@ keys META=1 BUYERS=2 OUTBOX=3 COUNT=3
--@ status OK="ok" GONE="gone" EPOCH="epoch" REPLID="replid" TYPE="type" ARGS="args"
--@ status LOADING="loading"
--
-- ARGV: 1 request id · 2 epoch · 3 buyer
-- Reply: 1 request id · 2 status; with "epoch" 3 the epoch of meta; with "ok" 3 header as
--       purchase's · 4 the buyer's value, empty if there is none.

local find, match, sub, format = string.find, string.match, string.sub, string.format
local concat = table.concat

--@ include number
--@ include fence
--@ include header
--@ include value

local function main()
    local id, buyer = ARGV[1] or '', ARGV[3]
    if #KEYS ~= 3 or #ARGV ~= 3 or not number_of(ARGV[2]) or buyer == '' or #buyer > 64 then
        return {id, 'args'}
    end
    local sale, status, epoch = pass_fence(KEYS[1], ARGV[2])
    if not sale then
        return {id, status, epoch}
    end
    if sale.state == 'loading' then
        return {id, 'loading'}
    end
    local value = redis.pcall('HGET', KEYS[2], buyer)
    local first = redis.pcall('XRANGE', KEYS[3], '-', '+', 'COUNT', '1')
    if first.err or (value and (type(value) == 'table' or not is_value(value))) then
        return {id, 'type'}
    end
    local outbox_first = first[1] and match(first[1][1], '%-(%d+)$') or '0'
    return {id, 'ok', header_of(sale, outbox_first), value or ''}
end

return main()
