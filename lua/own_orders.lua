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

-- [fence] The same text in every fenced script; tests/lua compares the copies.
local function number_of(text)
    if text and #text <= 15 and find(text, '^%d+$') then
        return tonumber(text)
    end
    return nil
end

local STATES = {loading = 1, loaded = 1, open = 1, paused = 1, resuming = 1, frozen = 1, ended = 1}

-- The sale as meta tells it. Else nil, the status, and for "epoch" the epoch of meta.
-- PROTOCOL §4 fence: caller's epoch, then the server's own replication id; nobody's belief.
local function pass_fence(key, epoch)
    local meta = redis.pcall('HMGET', key, 'epoch', 'replid', 'version', 'state', 'seq',
        'opens', 'closes', 'limit', 'listed')
    if meta.err then
        return nil, 'type'
    end
    if not meta[1] and redis.call('EXISTS', key) == 0 then
        return nil, 'gone'
    end
    if not number_of(meta[1]) then
        return nil, 'type'
    end
    if meta[1] ~= epoch then
        return nil, 'epoch', meta[1]
    end
    local replid = meta[2]
    if not replid or #replid ~= 40 or not find(redis.call('INFO', 'replication'),
            'master_replid:' .. replid .. '\r\n', 1, true) then
        return nil, 'replid'
    end
    local sale = {epoch = epoch, version = number_of(meta[3]), state = meta[4],
        seq = number_of(meta[5]), opens = number_of(meta[6]), closes = number_of(meta[7]),
        limit = number_of(meta[8]), listed = meta[9] == '1'}
    if not sale.version or not STATES[sale.state] or not sale.seq then
        return nil, 'type'
    end
    if sale.state ~= 'loading' and not (sale.opens and sale.closes and sale.limit
            and (sale.listed or meta[9] == '0')) then
        return nil, 'type'
    end
    return sale
end
-- [/fence]

-- [header] The same text in every script that answers with one; tests/lua compares the copies.
-- `outbox_first` is 0 from a script that does not look at the outbox.
local function header_of(sale, outbox_first)
    local time = redis.call('TIME')
    return concat({format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)), sale.epoch,
        format('%.0f', sale.version), sale.state, format('%.0f', sale.seq), outbox_first}, ' ')
end
-- [/header]

-- [value] The same text in every script that meets buyers' values; tests/lua compares the copies.
local ORDER = ';%x*,%d+%-%d+,[%w._%-]+,%d+,%d*,[NPQCRV],%d+'

-- True when the text is a whole buyers' value of format 1.
local function is_value(text)
    return sub(text, 1, 1) == '1' and string.gsub(sub(text, 2), ORDER, '') == ''
end
-- [/value]

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
