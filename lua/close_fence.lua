#!lua
-- close_fence: from its reply on, nothing is decided in the sale until it is loaded again, with an
--         epoch above the caller's.
-- Why:    step 0 of a rebuild; an empty replid is no server's, and meta's epoch is raised to
--         MySQL's: a loader that lost its claim has no higher one (PROTOCOL §4, the guard).
-- Never:  closes an epoch higher than the caller's: another has loaded it meanwhile; lowers one;
--         looks at whose replid it is; touches another key than meta.
--
--@ keys META=1 COUNT=1
--@ status OK="ok" GONE="gone" EPOCH="epoch" TYPE="type" ARGS="args"
--@ limit EPOCH_MAX=16383
--
-- ARGV: 1 request id · 2 MySQL's epoch: the highest that may be closed, 1..16383
-- Reply: 1 request id · 2 status ("gone": there was no meta, "type": it was no hash; a closed one
--       stands there now) · with "epoch" (meta's is higher, nothing was touched) 3 the epoch of
--       meta · with "ok" 3 `epoch version state seq fence` as they were, `-` for one that cannot be
--       read: an epoch that cannot be read protects nothing; fence is `closed` or `other`.

local find, format, concat = string.find, string.format, table.concat
local EPOCH_MAX = 16383

--@ include number

-- A meta without terms: all that load_begin needs to refuse an epoch that is not higher.
local function leave_closed(epoch)
    redis.call('UNLINK', KEYS[1])
    redis.call('HSET', KEYS[1], 'epoch', format('%d', epoch), 'replid', '', 'state', 'loading',
        'version', '1', 'seq', '0')
end

local function main()
    local id, epoch = ARGV[1] or '', number_of(ARGV[2])
    if #KEYS ~= 1 or #ARGV ~= 2 or not epoch or epoch < 1 or epoch > EPOCH_MAX then
        return {id, 'args'}
    end
    local meta = redis.pcall('HMGET', KEYS[1], 'epoch', 'version', 'state', 'seq', 'replid')
    if meta.err then
        leave_closed(epoch)
        return {id, 'type'}
    end
    if redis.call('EXISTS', KEYS[1]) == 0 then
        leave_closed(epoch)
        return {id, 'gone'}
    end
    local there = number_of(meta[1])
    if there and there > epoch then
        return {id, 'epoch', meta[1]}
    end
    meta[5] = meta[5] == '' and 'closed' or 'other'
    for i = 1, 4 do
        if not meta[i] or not find(meta[i], '^%w+$') then
            meta[i] = '-'
        end
    end
    redis.call('HSET', KEYS[1], 'replid', '', 'epoch', format('%d', epoch))
    return {id, 'ok', concat(meta, ' ')}
end

return main()
