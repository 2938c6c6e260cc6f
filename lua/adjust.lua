#!lua
-- adjust: rows of the ledger reach Redis: units come back or are added, order states move on.
-- Why:    units are announced (to `held`, version odd) and applied a hold later (to `stock`,
--         version even), so that no engine says "sold out" from memory once they can be bought
--         (PROTOCOL §3.8). A row counts once: its ledger id is kept in `applied`.
-- Never:  makes a sku; adds a unit after the end; moves a letter backward; invents an order.
--
--@ keys META=1 STOCK=2 HELD=3 APPLIED=4 BUYERS=5 COUNT=5
--@ status OK="ok" GONE="gone" EPOCH="epoch" REPLID="replid" TYPE="type" ARGS="args"
--@ status LOADING="loading" FROZEN="frozen" HOLD="hold"
--@ mode ANNOUNCE="announce" APPLY="apply" LETTERS="letters"
--@ limit UNITS_MAX=1000 LETTERS_MAX=1000 DELTA_MAX=4294967295
--
-- ARGV: 1 request id · 2 epoch · 3 mode
--       announce: 4 number of units rows U, then U times ledger id, sku, delta (> 0);
--                 then number of letters N, then N times buyer, order `<epoch>-<seq>`, letter
--       letters:  4 number of letters N, then N times buyer, order, letter
--       apply:    4 the version of the announcement: the header's of its reply
-- Reply: 1 request id · 2 status; with "epoch" 3 the epoch of meta; with "ok" and "hold" 3 header,
--       its outbox_first always 0.
--       "args" also: a sku that the sale does not have. "loading": all are refused. "frozen":
--       units and apply are refused, letters are not. "hold" (apply): leases may be out, nothing
--       was applied: the version is odd but not the announcement's (it was even in between), or it
--       was even with units held, and is odd now. Apply after another hold, with the header's.

local find, sub, format = string.find, string.sub, string.format
local concat = table.concat

--@ include number
--@ include fence
--@ include header
--@ include value

local ROWS_MAX, DELTA_MAX = 1000, 4294967295
local LIVE = {N = true, P = true, Q = true}
-- Where a letter may go; all else is ignored. C, R and V are the end.
local FORWARD = {
    Q = {N = true, P = true, C = true, R = true, V = true},
    N = {P = true, C = true, R = true, V = true},
    P = {R = true}, C = {}, R = {}, V = {},
}

-- Rows of three from `at` (their number), each checked. nil: wrong. Also where the next would be.
local function read_rows(at, check)
    local count, rows = number_of(ARGV[at]), {}
    if not count or count > ROWS_MAX or #ARGV < at + 3 * count then
        return nil
    end
    for i = at + 1, at + 3 * count, 3 do
        if not check(ARGV[i], ARGV[i + 1], ARGV[i + 2]) then
            return nil
        end
        rows[#rows + 1] = {ARGV[i], ARGV[i + 1], ARGV[i + 2]}
    end
    return rows, at + 3 * count + 1
end

local function is_units_row(ledger_id, _, delta)
    local units = number_of(delta)
    return number_of(ledger_id) and units and units > 0 and units <= DELTA_MAX
end

local function is_letter_row(buyer, order, letter)
    return buyer ~= '' and #buyer <= 64 and #order <= 20 and find(order, '^%d+%-%d+$')
        and FORWARD[letter]
end

-- What is asked. nil: the arguments are wrong.
local function read_request()
    local mode, units, letters, at = ARGV[3], {}, {}, 4
    local version = nil
    if mode == 'apply' then
        version, at = number_of(ARGV[4]), 5
    end
    if mode == 'announce' then
        units, at = read_rows(4, is_units_row)
    end
    if units and mode ~= 'apply' then
        letters, at = read_rows(at, is_letter_row)
    end
    if not units or not letters or at ~= #ARGV + 1
            or (mode ~= 'announce' and mode ~= 'letters' and not version) then
        return nil
    end
    return {mode = mode, units = units, letters = letters, version = version}
end

-- A hash of sku → units. nil: garbage.
local function read_units(key)
    local found, units = redis.pcall('HGETALL', key), {}
    if found.err then
        return nil
    end
    for i = 1, #found, 2 do
        local count = number_of(found[i + 1])
        -- HINCRBY takes no leading zero, and would refuse it behind the first write.
        if not count or format('%.0f', count) ~= found[i + 1] then
            return nil
        end
        units[found[i]] = count
    end
    return units
end

-- The units to add by sku and the ledger ids that are new. nil and a status: refused.
local function plan_units(rows, stock)
    local sums, ids, seen = {}, {}, {}
    if #rows == 0 then
        return sums, ids
    end
    local asked = {}
    for i = 1, #rows do
        asked[i] = rows[i][1]
    end
    local known = redis.pcall('SMISMEMBER', KEYS[4], unpack(asked))
    if known.err then
        return nil, 'type'
    end
    for i = 1, #rows do
        local ledger_id, sku, delta = unpack(rows[i])
        if not stock[sku] then
            return nil, 'args'
        end
        if known[i] == 0 and not seen[ledger_id] then
            seen[ledger_id], ids[#ids + 1] = true, ledger_id
            sums[sku] = (sums[sku] or 0) + tonumber(delta)
        end
    end
    return sums, ids
end

-- A buyer's value with one letter moved forward; the same value if that is not so.
local function move_letter(value, order, letter)
    -- The order is the second field of its entry; a sku may look like one.
    local pattern = '(;%x*,' .. string.gsub(order, '%-', '%%-') ..
        ',[%w._%-]+,%d+,)(%d*),(%u)(,%d+)'
    local first, last, start, slot, now, rest = find(value, pattern)
    if not first or not FORWARD[now][letter] then
        return value
    end
    return sub(value, 1, first - 1) .. start .. (LIVE[letter] and slot or '') .. ',' .. letter ..
        rest .. sub(value, last + 1)
end

-- The HSET of all buyers that a letter changes, nil if none. Then a status: refused.
local function plan_letters(rows)
    if #rows == 0 then
        return nil
    end
    local asked, fresh, order = {}, {}, {}
    for i = 1, #rows do
        asked[i] = rows[i][1]
    end
    local stored = redis.pcall('HMGET', KEYS[5], unpack(asked))
    if stored.err then
        return nil, 'type'
    end
    for i = 1, #rows do
        local buyer, value = rows[i][1], stored[i]
        if value and not is_value(value) then
            return nil, 'type'
        end
        local before = fresh[buyer] or value
        local after = before and move_letter(before, rows[i][2], rows[i][3])
        if after ~= before then
            order[#order + 1] = not fresh[buyer] and buyer or nil
            fresh[buyer] = after
        end
    end
    local command = {'HSET', KEYS[5]}
    for i = 1, #order do
        command[2 * i + 1], command[2 * i + 2] = order[i], fresh[order[i]]
    end
    return #order > 0 and command or nil
end

local function add_units(key, sums)
    local any = false
    for sku, units in pairs(sums) do
        redis.call('HINCRBY', key, sku, format('%.0f', units))
        any = any or units > 0
    end
    return any
end

local function set_version(sale, version)
    if version ~= sale.version then
        sale.version = version
        redis.call('HSET', KEYS[1], 'version', format('%.0f', version))
    end
end

local function announce(sale, request, stock)
    local sums, ids = plan_units(request.units, stock)
    if not sums then
        return ids
    end
    local change, refused = plan_letters(request.letters)
    if refused then
        return refused
    end
    if #ids > 0 then
        redis.call('SADD', KEYS[4], unpack(ids))
    end
    if sale.state ~= 'ended' and add_units(KEYS[3], sums) then
        set_version(sale, sale.version + (sale.version + 1) % 2)
    end
    if change then
        redis.call(unpack(change))
    end
    return 'ok'
end

-- An odd version that is still the announcement's was odd all the time since: no lease stands. Else
-- another relay finished that change and announced the next, and its hold may not be over.
local function apply(sale, stock, held, announced)
    local turning = sale.state == 'loaded' or sale.state == 'resuming'
    for sku in pairs(held) do
        if not stock[sku] then
            return 'type'
        end
    end
    if sale.state == 'ended' then
        redis.call('UNLINK', KEYS[3])
    elseif next(held) and sale.version % 2 == 0 and not turning then
        set_version(sale, sale.version + 1)
        return 'hold'
    elseif sale.version % 2 == 1 and sale.version ~= announced then
        return 'hold'
    elseif next(held) then
        add_units(KEYS[2], held)
        redis.call('UNLINK', KEYS[3])
    end
    if not turning then
        set_version(sale, sale.version + sale.version % 2)
    end
    return 'ok'
end

local function main()
    local id = ARGV[1] or ''
    local request = #KEYS == 5 and number_of(ARGV[2]) and read_request()
    if not request then
        return {id, 'args'}
    end
    local sale, status, epoch = pass_fence(KEYS[1], ARGV[2])
    if not sale then
        return {id, status, epoch}
    end
    if sale.state == 'loading' then
        return {id, 'loading'}
    end
    if sale.state == 'frozen' and (request.mode == 'apply' or #request.units > 0) then
        return {id, 'frozen'}
    end
    local stock, held = read_units(KEYS[2]), read_units(KEYS[3])
    if not stock or not held or not next(stock) then
        return {id, 'type'}
    end
    if request.mode == 'apply' then
        status = apply(sale, stock, held, request.version)
    else
        status = announce(sale, request, stock)
    end
    if status ~= 'ok' and status ~= 'hold' then
        return {id, status}
    end
    return {id, status, header_of(sale, '0')}
end

return main()
