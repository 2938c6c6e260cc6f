#!lua
-- catalogue: all sales of this history, or that nothing changed.
-- Why:    engines ask once a second; what they know already is not sent again (PROTOCOL §4).
-- Never:  shows a catalogue of another history: that is "rebuilding", never "unknown sale".
--
--@ keys CATALOGUE=1 COUNT=1
--@ status OK="ok" UNCHANGED="unchanged" REBUILDING="rebuilding" ARGS="args"
--
-- ARGV: 1 request id · 2 the revision that the caller knows, empty if none
-- Reply: 1 request id · 2 status · with "ok" and "unchanged" 3 revision · with "ok" 4.. sale,
--       definition (JSON), sale, definition ...

local find = string.find

local function main()
    local id, known = ARGV[1] or '', ARGV[2]
    if #KEYS ~= 1 or #ARGV ~= 2 then
        return {id, 'args'}
    end
    local head = redis.pcall('HMGET', KEYS[1], 'replid', 'revision')
    if head.err or not head[1] or #head[1] ~= 40 or not head[2] or not find(head[2], '^%d+$') then
        return {id, 'rebuilding'}
    end
    local own = 'master_replid:' .. head[1] .. '\r\n'
    if not find(redis.call('INFO', 'replication'), own, 1, true) then
        return {id, 'rebuilding'}
    end
    if head[2] == known then
        return {id, 'unchanged', head[2]}
    end
    local reply, all = {id, 'ok', head[2]}, redis.call('HGETALL', KEYS[1])
    for i = 1, #all, 2 do
        if all[i] ~= 'replid' and all[i] ~= 'revision' then
            reply[#reply + 1] = all[i]
            reply[#reply + 1] = all[i + 1]
        end
    end
    return reply
end

return main()
