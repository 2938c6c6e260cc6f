#!lua
-- purchase: decides up to 128 purchases of one sale, in the order given, in one atomic call.
-- Why:    one round trip, one log entry, one write per key for a whole batch (PROTOCOL §3.3).
-- Never:  creates stock or meta; writes anything when the fence does not pass, a key holds garbage
--         or an argument is wrong; reads a clock other than Redis TIME.
-- Order:  every read and check, then the decisions (in Lua alone), then the writes; those to the
--         outbox come first: they alone could still be refused, the others cannot fail.
-- Cost:   here every byte of every text made is hashed, a step of this code costs as much as four
--         bytes, an argument as much as forty. So the purchases come by columns, the outbox keeps
--         them as they came, and a win makes one text: the buyer's value (docs/DECISIONS.md).
--
--@ keys META=1 STOCK=2 BUYERS=3 OUTBOX=4 LISTED=5 COUNT=5
--@ status OK="ok" LATE="late" GONE="gone" EPOCH="epoch" REPLID="replid" TYPE="type" ARGS="args"
--@ result WIN="W" REPLAY="R" KEY_REUSED="K" NOT_OPEN="N" PAUSED="U" ENDED="E" NOT_ELIGIBLE="X"
--@ result LIMIT="L" SOLD_OUT="S" UNKNOWN_SKU="Z" REBUILDING="B" SEQ_FULL="F"
--@ limit PURCHASES_MAX=128 ACKS_MAX=256 SEQ_MAX=67108863 QUANTITY_MAX=1000 SPARE_ORDERS=8
--
-- ARGV: 1 request id · 2 epoch · 3 sent ms · 4 deadline ms (both on the Redis clock) ·
--       5 number of acknowledgements A · then A outbox ids · then the columns of 1..128 purchases:
--       buyers (msgpack array) · items (msgpack array, each `sku,quantity` once) · choices (a byte
--       a purchase: 32 + number of its item) · keys (32 hex digits a purchase, zeros: none) ·
--       traces (55 characters a purchase, zeros: none). If nobody has one, keys or traces may be
--       empty. Without columns it is a poll: sent and deadline are not judged.
-- Reply: 1 request id · 2 status; with "epoch" 3 the epoch of meta; with "ok" and "late"
--       3 header `TIME_ms epoch version state seq outbox_first` (outbox_first: seq of the first
--       entry left in the outbox, 0: none; with wins and no replay 1, for reading an entry costs
--       as much as six of a win's steps) · 4 stock `sku=left ...` · 5 results, one token for
--       each purchase: W<slot> · R<entry of the buyer's value> · L<epoch-seq held> · else the
--       letter alone. Wins have consecutive seqs up to the header's.
--       "late": nothing was decided, results are empty, acknowledgements count.

local find, match, sub, format = string.find, string.match, string.sub, string.format
local rep, concat = string.rep, table.concat

--@ include number
--@ include fence

local PURCHASES_MAX, ACKS_MAX, QUANTITY_MAX = 128, 256, 1000
local SEQ_MAX, SPARE_ORDERS, EARLY_MS = 67108863, 8, 1000
local BLANKET = {loading = 'B', frozen = 'B', loaded = 'N', paused = 'U', resuming = 'U',
    ended = 'E'}
local ORDER = '^;%x*,(%d+%-%d+),[%w._%-]+,(%d+),(%d*),([NPQCRV]),%d+'
-- An order behind its key: its number, where the sku begins, and all else up to the next one.
local NUMBER_AND_REST = '^%d+%-%d+(),[%w._%-]+,%d+,%d*,[NPQCRV],%d+%f[;%z]'
local DIGITS = {[0] = '0', '1', '2', '3', '4', '5', '6', '7', '8', '9'}
local COLUMNS, KEY_SIZE, TRACE_SIZE, FIRST_CHOICE = 5, 32, 55, 32
local NO_KEY = rep('0', KEY_SIZE)

-- The number of acknowledgements. nil: they are not what they should be.
local function read_acks()
    local acks = number_of(ARGV[5])
    if not acks or acks > ACKS_MAX or (#ARGV ~= 5 + acks and #ARGV ~= 5 + acks + COLUMNS) then
        return nil
    end
    for i = 6, 5 + acks do
        if #ARGV[i] > 20 or not find(ARGV[i], '^%d+%-%d+$') then
            return nil
        end
    end
    return acks
end

-- Whether all of it is lower hex. strtoul looks at a digit in a fifth of a pattern's time, but it
-- takes more: an end, signs, spaces, 0x, capitals.
local function is_hex(text)
    if not tonumber(text, 16) or not find(text, '^%x%x') or not find(text, '^%x', -1) then
        return false
    end
    for _, other in ipairs({'\0', 'A', 'B', 'C', 'D', 'E', 'F'}) do
        if find(text, other, 1, true) then
            return false
        end
    end
    return true
end

-- The items by their choice. nil: units are not 1..1000 in plain decimal, or it is no item at all.
local function read_items(packed)
    local good, texts = pcall(cmsgpack.unpack, packed)
    if not good or type(texts) ~= 'table' or #texts > PURCHASES_MAX then
        return nil
    end
    local items = {}
    for i, text in ipairs(texts) do
        local sku, quantity = match(tostring(text), '^(.*),([1-9]%d*)$')
        local asked = number_of(quantity)
        if not asked or asked > QUANTITY_MAX then
            return nil
        end
        items[FIRST_CHOICE + i] = {text = text, sku = sku, asked = asked}
    end
    return items
end

-- The purchases that begin behind ARGV[at]. nil: they are not what they should be.
local function read_purchases(at)
    local good, buyers = pcall(cmsgpack.unpack, ARGV[at + 1])
    local items, choices = read_items(ARGV[at + 2]), {string.byte(ARGV[at + 3], 1, -1)}
    local keys, traces = ARGV[at + 4], ARGV[at + 5]
    if not good or type(buyers) ~= 'table' or not items then
        return nil
    end
    local count = #buyers
    if count < 1 or count > PURCHASES_MAX or #choices ~= count
            or (keys ~= '' and #keys ~= KEY_SIZE * count)
            or (traces ~= '' and #traces ~= TRACE_SIZE * count) then
        return nil
    end
    return {count = count, buyers = buyers, items = items, choices = choices, keys = keys, at = at}
end

-- The skus in their order and by name, each with the units left. nil: garbage; a loaded sale has a
-- sku (I17).
local function read_stock(state)
    local pairs_read = redis.pcall('HGETALL', KEYS[2])
    if pairs_read.err or (#pairs_read == 0 and state ~= 'loading') then
        return nil
    end
    local stock = {}
    for i = 1, #pairs_read, 2 do
        local sku, units = pairs_read[i], number_of(pairs_read[i + 1])
        -- HINCRBY takes no leading zero, and would refuse it behind the first write.
        if not units or find(pairs_read[i + 1], '^0.') then
            return nil
        end
        local entry = {sku = sku, left = units, before = units}
        stock[#stock + 1], stock[':' .. sku] = entry, entry
    end
    return stock
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

-- A win under this key: the same order again, or `K` if it was for something else. Of the other
-- orders nothing is asked: reading all of a value costs twice as much as all the rest of a replay.
local function replay_of(value, key, item)
    local at = key ~= '' and sub(value, 1, 1) == '1' and find(value, ';' .. key .. ',', 1, true)
    if not at then
        return nil
    end
    local _, last, from = find(value, NUMBER_AND_REST, at + KEY_SIZE + 2)
    if not last then
        return nil -- garbage, which read_orders tells
    end
    if find(value, item.mark, from, true) ~= from then
        return 'K'
    end
    return 'R' .. sub(value, at + 1, last)
end

local function free_slot(slots)
    local slot = 0
    while slots[format('%d', slot)] do
        slot = slot + 1
    end
    return format('%d', slot)
end

-- All of an order's number but its last digit, as it stands in a buyer's value.
local function ref_start(epoch, seq)
    return ',' .. epoch .. '-' .. (seq < 10 and '' or format('%d', math.floor(seq / 10)))
end

-- What is stored of the buyers, and who of them is listed (nil: that is not asked). nil: garbage.
local function read_buyers(sale, blanket, buyers)
    if sale.state == 'loading' then
        return {}
    end
    local stored = redis.pcall('HMGET', KEYS[3], unpack(buyers))
    local listed = nil
    if sale.listed and not blanket then
        listed = redis.pcall('SMISMEMBER', KEYS[5], unpack(buyers))
    end
    if stored.err or (listed and listed.err) then
        return nil
    end
    return stored, listed
end

-- The keys one by one, "" for none. nil: they are no keys.
local function cut_keys(purchases)
    if purchases.keys == '' then
        return setmetatable({}, {__index = function() return '' end})
    end
    if not is_hex(purchases.keys) then
        return nil
    end
    local keys = {struct.unpack(rep('c' .. KEY_SIZE, purchases.count), purchases.keys)}
    for i = 1, purchases.count do
        if keys[i] == NO_KEY then
            keys[i] = ''
        end
    end
    return keys
end

-- What a buyer with orders is told: a token, or none and the slots in use. nil, nil: garbage.
local function judge_known(value, key, item, limit, is_listed)
    local token = replay_of(value, key, item)
    if token then
        return token
    end
    local held, orders, newest, slots = read_orders(value)
    if not held then
        return nil
    end
    local units = orders < limit + SPARE_ORDERS and held + item.asked or limit + 1
    token = item.refusal
    if not token and not is_listed then
        token = 'X'
    elseif not token and units > limit then
        token = 'L' .. newest
    end
    return token, slots
end

-- Those who won what is written, told by the rest: "W0" is the token of nearly all of them.
local function results_of(others, count, has_wins)
    if next(others) == nil then
        return rep('W0 ', count - 1) .. 'W0'
    end
    for i = 1, has_wins and count or 0 do
        others[i] = others[i] or 'W0'
    end
    return concat(others, ' ')
end

-- Decides all purchases; wins are collected in `won` and written by nobody yet.
-- nil and a status: refused as a whole.
local function decide(sale, blanket, now, stock, purchases, won)
    local buyers, items, choices = purchases.buyers, purchases.items, purchases.choices
    local epoch, limit, seq, seq_max, digits = sale.epoch, sale.limit, sale.seq, SEQ_MAX, DIGITS
    local start, digit, keys = ref_start(epoch, seq), seq % 10, nil
    local stored, listed = read_buyers(sale, blanket, buyers)
    if not stored then
        return nil, 'type'
    end
    for _, item in pairs(items) do
        item.stock = stock[':' .. item.sku]
        item.mark = ',' .. item.text .. ','
        item.tail = item.mark .. '0,N,' .. now
        item.refusal = blanket or not item.stock and 'Z' or nil
        item.over = not item.refusal and item.asked > limit and 'L' or nil
    end
    local others, fresh, writes, last = {}, {}, won.writes, 2
    for i = 1, purchases.count do
        local buyer, item = buyers[i], items[choices[i]]
        if not item or buyer == '' or #buyer > 64 then
            return nil, 'args'
        end
        local value, of_sku, asked = fresh[buyer] or stored[i], item.stock, item.asked
        local token, slots
        if value then
            keys = keys or cut_keys(purchases)
            if not keys then
                return nil, 'args'
            end
            token, slots = judge_known(value, keys[i], item, limit, not listed or listed[i] ~= 0)
            if not token and not slots then
                return nil, 'type'
            end
            won.has_known = true
        else
            token = item.refusal or listed and listed[i] == 0 and 'X' or item.over
        end
        if token then
            others[i] = token
        elseif of_sku.left < asked then
            others[i] = 'S'
        elseif seq >= seq_max then
            others[i] = 'F'
        else
            keys = keys or cut_keys(purchases)
            if not keys then
                return nil, 'args'
            end
            seq, digit = seq + 1, digit + 1
            if digit == 10 then
                start, digit = ref_start(epoch, seq), 0
            end
            of_sku.left = of_sku.left - asked
            local order
            if not value then
                order = '1;' .. keys[i] .. start .. digits[digit] .. item.tail
            else
                local slot = free_slot(slots)
                order = value .. ';' .. keys[i] .. start .. digits[digit] .. ',' .. item.text ..
                    ',' .. slot .. ',N,' .. now
                others[i] = 'W' .. slot
            end
            last = last + 2
            fresh[buyer], writes[last - 1], writes[last] = order, buyer, order
        end
    end
    won.seq = seq
    return results_of(others, purchases.count, last > 2)
end

-- All writes of the call, and the seq of the first outbox entry left. nil: the outbox refused, and
-- of the wins nothing was written. Acknowledged first: an id that is only now given is not meant.
local function write(sale, won, stock, acks, latch)
    if acks > 0 then
        local deleted = redis.pcall('XDEL', KEYS[4], unpack(ARGV, 6, 5 + acks))
        if type(deleted) == 'table' then
            return nil
        end
    end
    if won.seq > sale.seq then
        local at = won.at
        local added = redis.pcall('XADD', KEYS[4], sale.epoch .. '-' .. format('%d', sale.seq + 1),
            '2', won.now, 'results', won.results, 'buyers', ARGV[at + 1], 'items', ARGV[at + 2],
            'choices', ARGV[at + 3], 'keys', ARGV[at + 4], 'traces', ARGV[at + 5])
        if type(added) == 'table' then
            return nil
        end
    end
    local first = {}
    if won.seq == sale.seq or won.has_known then
        first = redis.pcall('XRANGE', KEYS[4], '-', '+', 'COUNT', '1')
        if first.err then
            return nil
        end
    end
    if won.seq > sale.seq then
        redis.call(unpack(won.writes))
        for _, entry in ipairs(stock) do
            if entry.left < entry.before then
                redis.call('HINCRBY', KEYS[2], entry.sku, format('%d', entry.left - entry.before))
            end
        end
        redis.call('HSET', KEYS[1], 'seq', format('%d', won.seq))
    end
    if latch then
        redis.call('HSET', KEYS[1], 'state', sale.state, 'version', format('%d', sale.version))
    end
    return first[1] and match(first[1][1], '%-(%d+)$') or won.seq > sale.seq and '1' or '0'
end

local function reply_of(id, status, sale, won, first, stock)
    local texts = {}
    for i, entry in ipairs(stock) do
        texts[i] = entry.sku .. '=' .. format('%d', entry.left)
    end
    local header = concat({won.now, sale.epoch, format('%d', sale.version), sale.state,
        format('%d', won.seq), first}, ' ')
    return {id, status, header, concat(texts, ' '), won.results}
end

local function main()
    local id = ARGV[1] or ''
    local acks, sent, deadline = read_acks(), number_of(ARGV[3]), number_of(ARGV[4])
    local is_poll = acks and #ARGV == 5 + acks
    local purchases = acks and not is_poll and read_purchases(5 + acks)
    if #KEYS ~= 5 or not (is_poll or purchases) or not sent or not deadline
            or not number_of(ARGV[2]) then
        return {id, 'args'}
    end
    local sale, status, epoch = pass_fence(KEYS[1], ARGV[2])
    if not sale then
        return {id, status, epoch}
    end
    local stock = read_stock(sale.state)
    if not stock then
        return {id, 'type'}
    end
    local time = redis.call('TIME')
    local now = time[1] * 1000 + math.floor(time[2] / 1000)
    local late = purchases and (now < sent - EARLY_MS or now > deadline)
    local latch = not late and sale.state == 'open' and now >= sale.closes
    local won = {seq = sale.seq, now = format('%d', now), at = 5 + acks, results = '',
        writes = {'HSET', KEYS[3]}}
    if latch then
        -- A clock that steps back must not open the sale again.
        sale.state, sale.version = 'ended', sale.version + 2
    end
    if purchases and not late then
        -- What `opens` refuses is refused as "loaded" is; a later epoch has been open before.
        local blanket = BLANKET[sale.state] or (now < sale.opens and 'N') or nil
        if sale.state == 'loaded' and sale.epoch ~= '1' and now >= sale.opens then
            blanket = 'B'
        end
        local results, refused = decide(sale, blanket, won.now, stock, purchases, won)
        if not results then
            return {id, refused}
        end
        won.results = results
    end
    local first = write(sale, won, stock, acks, latch)
    if not first then
        return {id, 'type'}
    end
    return reply_of(id, late and 'late' or 'ok', sale, won, first, stock)
end

return main()
