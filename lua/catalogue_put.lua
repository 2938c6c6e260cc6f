#!lua
-- catalogue_put: the whole catalogue, rewritten from MySQL's sales.
-- Why:    a rewrite in one step is never seen half done; replid says that it is whole
--         (PROTOCOL §4).
-- Never:  keeps a sale that was not given; repeats a revision, also after the hash was lost.
--
--@ keys CATALOGUE=1 COUNT=1
--@ status OK="ok" ARGS="args"
--@ limit SALES_MAX=3000
--
-- ARGV: 1 request id · then 0..3000 pairs: sale (1..8388607), definition (JSON)
-- Reply: 1 request id · 2 status · with "ok" 3 revision

local find, match, format = string.find, string.match, string.format
local SALES_MAX, SALE_MAX = 3000, 8388607

--@ include number

local function are_sales()
    if #ARGV % 2 ~= 1 or #ARGV > 1 + 2 * SALES_MAX then
        return false
    end
    for i = 2, #ARGV, 2 do
        local sale = number_of(ARGV[i])
        if not sale or sale < 1 or sale > SALE_MAX or ARGV[i + 1] == '' then
            return false
        end
    end
    return true
end

-- One more than the last. A lost hash begins at the clock, so that what an engine remembers of the
-- old one is never taken for the new.
local function next_revision()
    local last = redis.pcall('HGET', KEYS[1], 'revision')
    local number = type(last) == 'string' and number_of(last)
    if number then
        return format('%.0f', number + 1)
    end
    local time = redis.call('TIME')
    return format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
end

local function main()
    local id = ARGV[1] or ''
    if #KEYS ~= 1 or not are_sales() then
        return {id, 'args'}
    end
    local revision = next_revision()
    local replid = match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
    redis.call('UNLINK', KEYS[1])
    if #ARGV > 1 then
        redis.call('HSET', KEYS[1], unpack(ARGV, 2))
    end
    redis.call('HSET', KEYS[1], 'revision', revision, 'replid', replid)
    return {id, 'ok', revision}
end

return main()
