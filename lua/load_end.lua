#!lua
-- load_end: the sale's terms are written and it leaves "loading"; it can be decided from now on.
-- Why:    meta opens last, when all parts are there (PROTOCOL §4).
-- Never:  ends another load; opens: that is announced by "loaded" and applied by set_state.
--
--@ keys META=1 COUNT=1
--@ status OK="ok" GONE="gone" EPOCH="epoch" REPLID="replid" TYPE="type" ARGS="args"
--@ status STATE="state"
--
-- ARGV: 1 request id · 2 epoch · then each once, in any order, name and value: opens, closes (ms) ·
--       limit (1..1000) · listed (0, 1) · pay_window, D, T, hold, Q (ms) ·
--       state (loaded, paused, ended, frozen)
-- Reply: 1 request id · 2 status ("state": the sale is not loading); with "epoch" 3 the epoch of
--       meta; with "ok" 3 header, its outbox_first always 0. The version becomes 1 with "loaded"
--       (an opening is announced), else 2.

local find, format = string.find, string.format
local concat = table.concat

--@ include number
--@ include fence
--@ include header

local TARGETS = {loaded = '1', paused = '2', ended = '2', frozen = '2'}
local NUMBERS = {'opens', 'closes', 'limit', 'pay_window', 'D', 'T', 'hold', 'Q'}

-- The fields by name. nil: one is missing, unknown, there twice or not what it should be.
local function read_fields()
    local fields = {}
    for i = 3, #ARGV, 2 do
        if fields[ARGV[i]] then
            return nil
        end
        fields[ARGV[i]] = ARGV[i + 1]
    end
    for i = 1, #NUMBERS do
        if not number_of(fields[NUMBERS[i]]) then
            return nil
        end
    end
    local limit = tonumber(fields.limit)
    if limit < 1 or limit > 1000 or tonumber(fields.opens) >= tonumber(fields.closes)
            or (fields.listed ~= '0' and fields.listed ~= '1') or not TARGETS[fields.state] then
        return nil
    end
    return fields
end

local function main()
    local id = ARGV[1] or ''
    local fields = #KEYS == 1 and #ARGV == 22 and number_of(ARGV[2]) and read_fields()
    if not fields then
        return {id, 'args'}
    end
    local sale, status, epoch = pass_fence(KEYS[1], ARGV[2])
    if not sale then
        return {id, status, epoch}
    end
    if sale.state ~= 'loading' then
        return {id, 'state'}
    end
    sale.state, sale.version = fields.state, tonumber(TARGETS[fields.state])
    redis.call('HSET', KEYS[1], 'version', TARGETS[fields.state], unpack(ARGV, 3))
    return {id, 'ok', header_of(sale, '0')}
end

return main()
