#!lua
-- close_fence: from its reply on, nothing is decided in the sale until it is loaded again.
-- Why:    step 0 of a rebuild; an empty replid is no server's (PROTOCOL §4, the guard).
-- Never:  closes an epoch higher than the caller's: another has loaded it meanwhile; looks at
--         replid; unlinks anything.
--
--@ keys META=1 COUNT=1
--@ status OK="ok" GONE="gone" EPOCH="epoch" TYPE="type" ARGS="args"
--@ limit EPOCH_MAX=16383
--
-- ARGV: 1 request id · 2 the highest epoch that may be closed, 1..16383
-- Reply: 1 request id · 2 status ("gone": no meta, so nothing can be decided; "type": the key is
--       no hash, so nothing can be decided either, and it is left alone) · with "epoch" (meta's is
--       higher, nothing was touched) 3 the epoch of meta · with "ok" 3 `epoch version state seq` as
--       they were, `-` for one that cannot be read: an epoch that cannot be read protects nothing.

local find, concat = string.find, table.concat
local EPOCH_MAX = 16383

--@ include number

local function main()
    local id, epoch = ARGV[1] or '', number_of(ARGV[2])
    if #KEYS ~= 1 or #ARGV ~= 2 or not epoch or epoch < 1 or epoch > EPOCH_MAX then
        return {id, 'args'}
    end
    local meta = redis.pcall('HMGET', KEYS[1], 'epoch', 'version', 'state', 'seq')
    if meta.err then
        return {id, 'type'}
    end
    if redis.call('EXISTS', KEYS[1]) == 0 then
        return {id, 'gone'}
    end
    local there = number_of(meta[1])
    if there and there > epoch then
        return {id, 'epoch', meta[1]}
    end
    for i = 1, 4 do
        if not meta[i] or not find(meta[i], '^%w+$') then
            meta[i] = '-'
        end
    end
    redis.call('HSET', KEYS[1], 'replid', '')
    return {id, 'ok', concat(meta, ' ')}
end

return main()
