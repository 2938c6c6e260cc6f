#!lua
-- load_part: a slice of a sale's stock, buyers, list or applied ledger ids, while it is loading.
-- Why:    a sale with a million buyers is loaded in bounded steps (PROTOCOL §4, the guard).
-- Never:  writes into a sale that is not loading, or that another load began; adds to what is
--         there already: a part that is sent twice says the same.
--
--@ keys META=1 STOCK=2 HELD=3 BUYERS=4 OUTBOX=5 APPLIED=6 LISTED=7 COUNT=7
--@ status OK="ok" GONE="gone" EPOCH="epoch" REPLID="replid" TYPE="type" ARGS="args"
--@ status STATE="state"
--@ limit ITEMS_MAX=3000 UNITS_MAX=4294967295
--
-- ARGV: 1 request id · 2 epoch · 3 kind · then 0..3000 items:
--       stock: sku, units · buyers: buyer, value · listed: buyer · applied: ledger id
-- Reply: 1 request id · 2 status ("state": the sale is not loading); with "epoch" 3 that of meta.

local find, sub = string.find, string.sub

--@ include number
--@ include fence
--@ include value

local ITEMS_MAX, UNITS_MAX = 3000, 4294967295

local function is_sku(text)
    return #text <= 32 and find(text, '^[%w._%-]+$')
end

local function is_units(text)
    local units = number_of(text)
    return units and units <= UNITS_MAX
end

local function is_buyer(text)
    return #text <= 64 and find(text, '^[!-~]+$')
end

-- kind → its key, its command, what is checked of an item.
local KINDS = {
    stock = {key = 2, command = 'HSET', is_first = is_sku, is_second = is_units},
    buyers = {key = 4, command = 'HSET', is_first = is_buyer, is_second = is_value},
    applied = {key = 6, command = 'SADD', is_first = number_of},
    listed = {key = 7, command = 'SADD', is_first = is_buyer},
}

local function are_items(kind)
    local step = kind.is_second and 2 or 1
    local count = (#ARGV - 3) / step
    if count > ITEMS_MAX or count % 1 ~= 0 then
        return false
    end
    for i = 4, #ARGV, step do
        if not kind.is_first(ARGV[i]) or (step == 2 and not kind.is_second(ARGV[i + 1])) then
            return false
        end
    end
    return true
end

local function main()
    local id, kind = ARGV[1] or '', KINDS[ARGV[3]]
    if #KEYS ~= 7 or not kind or not number_of(ARGV[2]) or not are_items(kind) then
        return {id, 'args'}
    end
    local sale, status, epoch = pass_fence(KEYS[1], ARGV[2])
    if not sale then
        return {id, status, epoch}
    end
    if sale.state ~= 'loading' then
        return {id, 'state'}
    end
    if #ARGV > 3 then
        local written = redis.pcall(kind.command, KEYS[kind.key], unpack(ARGV, 4))
        if type(written) == 'table' then
            return {id, 'type'}
        end
    end
    return {id, 'ok'}
end

return main()
