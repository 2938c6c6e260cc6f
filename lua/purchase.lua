#!lua
-- purchase: decides up to 128 purchases of one sale, in the order given, in one atomic call.
-- Why:    one round trip, one log entry, one write per key for a whole batch (PROTOCOL §3.3).
-- Never:  creates stock or meta; writes anything when the fence does not pass, a key holds garbage
--         or an argument is wrong; reads a clock other than Redis TIME.
-- Order:  every read and check, then the decisions (in Lua alone), then the writes; those to the
--         outbox come first: they alone could still be refused, the others cannot fail.
--
--@ keys META=1 STOCK=2 BUYERS=3 OUTBOX=4 LISTED=5 COUNT=5
--@ status OK="ok" LATE="late" GONE="gone" EPOCH="epoch" REPLID="replid" TYPE="type" ARGS="args"
--@ result WIN="W" REPLAY="R" KEY_REUSED="K" NOT_OPEN="N" PAUSED="U" ENDED="E" NOT_ELIGIBLE="X"
--@ result LIMIT="L" SOLD_OUT="S" UNKNOWN_SKU="Z" REBUILDING="B" SEQ_FULL="F"
--@ limit PURCHASES_MAX=128 ACKS_MAX=256 SEQ_MAX=67108863 QUANTITY_MAX=1000 SPARE_ORDERS=8
--
-- ARGV: 1 request id · 2 epoch · 3 sent ms · 4 deadline ms (both on the Redis clock) ·
--       5 number of acknowledgements A · then A outbox ids · then number of purchases M ·
--       then M buyers · M skus · M quantities · M key hashes · M traceparents (the last two may
--       be empty texts). M = 0 is a poll: sent and deadline are not judged.
-- Reply: 1 request id · 2 status; with "epoch" 3 the epoch of meta; with "ok" and "late"
--       3 header `TIME_ms epoch version state seq outbox_first` (outbox_first: seq of the first
--       entry left in the outbox, 0: none) · 4 stock `sku=left ...` · 5 results, one token for
--       each purchase: W<seq>,<slot> · R<entry of the buyer's value> · L<epoch-seq held> · else
--       the letter alone. "late": nothing was decided, results are empty, acknowledgements count.

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

local PURCHASES_MAX, ACKS_MAX, QUANTITY_MAX = 128, 256, 1000
local SEQ_MAX, SPARE_ORDERS, EARLY_MS = 67108863, 8, 1000
local BLANKET = {loading = 'B', frozen = 'B', loaded = 'N', paused = 'U', resuming = 'U',
    ended = 'E'}
local ORDER = '^;%x*,(%d+%-%d+),[%w._%-]+,(%d+),(%d*),([NPQCRV]),%d+'

-- Where the columns of ARGV begin. nil: the counts do not fit the arguments.
local function columns()
    local acks = number_of(ARGV[5])
    if not acks or acks > ACKS_MAX or #KEYS ~= 5 then
        return nil
    end
    local count = number_of(ARGV[6 + acks])
    if not count or count > PURCHASES_MAX or #ARGV ~= 6 + acks + 5 * count then
        return nil
    end
    for i = 6, 5 + acks do
        if #ARGV[i] > 20 or not find(ARGV[i], '^%d+%-%d+$') then
            return nil
        end
    end
    return count, acks, 6 + acks
end

-- Units left by sku, and the skus in their order. nil: garbage; a loaded sale has a sku (I17).
local function read_stock(state)
    local pairs_read = redis.pcall('HGETALL', KEYS[2])
    if pairs_read.err or (#pairs_read == 0 and state ~= 'loading') then
        return nil
    end
    local left, skus = {}, {}
    for i = 1, #pairs_read, 2 do
        local units = number_of(pairs_read[i + 1])
        -- HINCRBY takes no leading zero, and would refuse it behind the first write.
        if not units or format('%.0f', units) ~= pairs_read[i + 1] then
            return nil
        end
        skus[#skus + 1] = pairs_read[i]
        left[pairs_read[i]] = units
    end
    return left, skus
end

-- What a buyer holds: live units, number of orders, the newest live one ('': none), slots in use.
-- nil: the value is garbage.
local function read_orders(value)
    local units, count, newest, slots = 0, 0, '', {}
    local at, size = 2, #value
    if sub(value, 1, 1) ~= '1' then
        return nil
    end
    while at <= size do
        local _, last, ref, quantity, slot, state = find(value, ORDER, at)
        if not last then
            return nil
        end
        count = count + 1
        if state == 'N' or state == 'P' or state == 'Q' then
            units = units + tonumber(quantity)
            slots[slot] = true
            newest = ref
        end
        at = last + 1
    end
    return units, count, newest, slots
end

-- A win under this key: the same order again, or `K` if it was for something else.
local function replay_of(value, key, sku, quantity)
    local at = key ~= '' and find(value, ';' .. key .. ',', 1, true)
    if not at then
        return nil
    end
    local entry = match(value, '^[^;]+', at + 1)
    local its_sku, its_quantity = match(entry, '^%x+,[%d%-]+,([^,]+),(%d+),')
    if its_sku == sku and its_quantity == quantity then
        return 'R' .. entry
    end
    return 'K'
end

local function free_slot(slots)
    local slot = 0
    while slots[format('%d', slot)] do
        slot = slot + 1
    end
    return format('%d', slot)
end

-- Units asked for, by their text. nil: not 1..1000 in plain decimal.
local asked_of = setmetatable({}, {__index = function(self, text)
    local asked = find(text, '^[1-9]%d*$') and number_of(text)
    if not asked or asked > QUANTITY_MAX then
        return nil
    end
    self[text] = asked
    return asked
end})

-- What is stored of the buyers, and who of them is listed (nil: that is not asked). nil: garbage.
local function read_buyers(sale, blanket, first, last)
    if sale.state == 'loading' then
        return {}
    end
    local stored = redis.pcall('HMGET', KEYS[3], unpack(ARGV, first, last))
    local listed = nil
    if sale.listed and not blanket then
        listed = redis.pcall('SMISMEMBER', KEYS[5], unpack(ARGV, first, last))
    end
    if stored.err or (listed and listed.err) then
        return nil
    end
    return stored, listed
end

-- Decides all purchases; wins are collected in `won` and written by nobody yet.
-- nil and a status: refused as a whole.
local function decide(sale, blanket, now, left, count, base, won)
    local ARGV, limit, seq = ARGV, sale.limit, sale.seq
    local ref_start, entry_end, now_part = ',' .. sale.epoch .. '-', ',N,' .. now, ',' .. now .. ','
    local at_sku, at_quantity = base + count, base + 2 * count
    local at_key, at_trace = base + 3 * count, base + 4 * count
    local stored, listed = read_buyers(sale, blanket, base + 1, at_sku)
    if not stored then
        return nil, 'type'
    end
    local results, fresh = {}, {}
    local buyers, outbox, taken = won.buyers, won.outbox, won.taken
    for i = 1, count do
        local buyer, sku, quantity = ARGV[base + i], ARGV[at_sku + i], ARGV[at_quantity + i]
        local key, trace, asked = ARGV[at_key + i], ARGV[at_trace + i], asked_of[quantity]
        if not asked or buyer == '' or #buyer > 64 or (#key ~= 32 and key ~= '') then
            return nil, 'args'
        end
        local value, token = fresh[buyer] or stored[i], nil
        local units, orders, newest, slots = 0, 0, '', nil
        if value then
            units, orders, newest, slots = read_orders(value)
            if not units then
                return nil, 'type'
            end
            token = replay_of(value, key, sku, quantity)
        end
        local sku_left = left[sku]
        token = token or blanket or (not sku_left and 'Z') or (listed and listed[i] == 0 and 'X')
        if token then
            results[i] = token
        elseif units + asked > limit or orders >= limit + SPARE_ORDERS then
            results[i] = 'L' .. newest
        elseif sku_left < asked then
            results[i] = 'S'
        elseif seq >= SEQ_MAX then
            results[i] = 'F'
        elseif find(key, '[^0-9a-f]') or #trace > 128 or find(trace, ',', 1, true) then
            return nil, 'args'
        else
            seq = seq + 1
            left[sku], taken[sku] = sku_left - asked, (taken[sku] or 0) + asked
            local text, slot = format('%d', seq), slots and free_slot(slots) or '0'
            local order = (value or '1') .. ';' .. key .. ref_start .. text .. ',' .. sku .. ',' ..
                quantity .. ',' .. slot .. entry_end
            fresh[buyer] = order
            local n, m = #buyers, #outbox
            buyers[n + 1], buyers[n + 2] = buyer, order
            outbox[m + 1], outbox[m + 2] = text, '1,' .. key .. ',' .. sku .. ',' .. quantity ..
                ',' .. slot .. now_part .. trace .. ',' .. buyer
            results[i] = 'W' .. text .. ',' .. slot
        end
    end
    won.seq = seq
    return results
end

-- All writes of the call, and the seq of the first outbox entry left. nil: the outbox refused, and
-- of the wins nothing was written. Acknowledged first: an id that is only now given is not meant.
local function write(sale, won, acks, latch)
    local wins = won.seq - sale.seq
    if acks > 0 then
        local deleted = redis.pcall('XDEL', KEYS[4], unpack(ARGV, 6, 5 + acks))
        if type(deleted) == 'table' then
            return nil
        end
    end
    if wins > 0 then
        won.outbox[3] = sale.epoch .. '-' .. won.outbox[4]
        local added = redis.pcall(unpack(won.outbox))
        if type(added) == 'table' then
            return nil
        end
    end
    local first = redis.pcall('XRANGE', KEYS[4], '-', '+', 'COUNT', '1')
    if first.err then
        return nil
    end
    if wins > 0 then
        redis.call(unpack(won.buyers))
        for sku, units in pairs(won.taken) do
            redis.call('HINCRBY', KEYS[2], sku, format('%d', -units))
        end
        redis.call('HSET', KEYS[1], 'seq', format('%d', won.seq))
    end
    if latch then
        redis.call('HSET', KEYS[1], 'state', sale.state, 'version', format('%.0f', sale.version))
    end
    return first[1] and match(first[1][1], '%-(%d+)$') or '0'
end

local function main()
    local id = ARGV[1] or ''
    local count, acks, base = columns()
    local sent, deadline = number_of(ARGV[3]), number_of(ARGV[4])
    if not count or not sent or not deadline or not number_of(ARGV[2]) then
        return {id, 'args'}
    end
    local sale, status, epoch = pass_fence(KEYS[1], ARGV[2])
    if not sale then
        return {id, status, epoch}
    end
    local left, skus = read_stock(sale.state)
    if not left then
        return {id, 'type'}
    end
    local time = redis.call('TIME')
    local now = time[1] * 1000 + math.floor(time[2] / 1000)
    local now_text = format('%.0f', now)
    local late = count > 0 and (now < sent - EARLY_MS or now > deadline)
    local latch = not late and sale.state == 'open' and now >= sale.closes
    local won = {seq = sale.seq, taken = {}, buyers = {'HSET', KEYS[3]},
        outbox = {'XADD', KEYS[4], ''}}
    local results = {}
    if latch then
        -- A clock that steps back must not open the sale again.
        sale.state, sale.version = 'ended', sale.version + 2
    end
    if count > 0 and not late then
        -- What `opens` refuses is refused as "loaded" is.
        local blanket = BLANKET[sale.state] or (now < sale.opens and 'N') or nil
        results, status = decide(sale, blanket, now_text, left, count, base, won)
        if not results then
            return {id, status}
        end
    end
    local first = write(sale, won, acks, latch)
    if not first then
        return {id, 'type'}
    end
    for i = 1, #skus do
        skus[i] = skus[i] .. '=' .. format('%.0f', left[skus[i]])
    end
    local header = concat({now_text, sale.epoch, format('%.0f', sale.version), sale.state,
        format('%d', won.seq), first}, ' ')
    return {id, late and 'late' or 'ok', header, concat(skus, ' '), concat(results, ' ')}
end

return main()
