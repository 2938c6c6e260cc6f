#!lua
-- load_begin: begins a new history of a sale, with a higher epoch only.
-- Why:    everything of the old history goes in one step, and the fence is this server's own
--         replication id (PROTOCOL §4).
-- Never:  replaces an equal or higher epoch; touches the relay's lease.
--
--@ keys META=1 STOCK=2 HELD=3 BUYERS=4 OUTBOX=5 APPLIED=6 LISTED=7 COUNT=7
--@ status OK="ok" EPOCH="epoch" ARGS="args"
--@ limit EPOCH_MAX=16383
--
-- ARGV: 1 request id · 2 epoch, 1..16383
-- Reply: 1 request id · 2 status; with "epoch" (meta's is not lower) 3 the epoch of meta.

local find, match = string.find, string.match
local EPOCH_MAX = 16383

--@ include number

local function main()
    local id, epoch = ARGV[1] or '', number_of(ARGV[2])
    if #KEYS ~= 7 or #ARGV ~= 2 or not epoch or epoch < 1 or epoch > EPOCH_MAX then
        return {id, 'args'}
    end
    -- A meta that is no hash, or whose epoch is no number, protects nothing.
    local found = redis.pcall('HGET', KEYS[1], 'epoch')
    local there = type(found) == 'string' and number_of(found)
    if there and there >= epoch then
        return {id, 'epoch', found}
    end
    local replid = match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
    redis.call('UNLINK', unpack(KEYS))
    redis.call('HSET', KEYS[1], 'epoch', string.format('%d', epoch), 'replid', replid,
        'state', 'loading', 'version', '1', 'seq', '0')
    return {id, 'ok'}
end

return main()
