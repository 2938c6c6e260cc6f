#!lua
-- close_fence: from its reply on, nothing is decided in the sale until it is loaded again.
-- Why:    step 0 of a rebuild; an empty replid is no server's (PROTOCOL §4, the guard).
-- Never:  looks at epoch or replid itself: closing is always allowed; unlinks anything.
--
--@ keys META=1 COUNT=1
--@ status OK="ok" GONE="gone" TYPE="type" ARGS="args"
--
-- ARGV: 1 request id
-- Reply: 1 request id · 2 status ("gone": no meta, so nothing can be decided; "type": the key is
--       no hash, so nothing can be decided either, and it is left alone) · with "ok" 3
--       `epoch version state seq` as they were, `-` for one that cannot be read.

local find, concat = string.find, table.concat

local function main()
    local id = ARGV[1] or ''
    if #KEYS ~= 1 or #ARGV ~= 1 then
        return {id, 'args'}
    end
    local meta = redis.pcall('HMGET', KEYS[1], 'epoch', 'version', 'state', 'seq')
    if meta.err then
        return {id, 'type'}
    end
    if redis.call('EXISTS', KEYS[1]) == 0 then
        return {id, 'gone'}
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
