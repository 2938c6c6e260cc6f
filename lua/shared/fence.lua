-- The fence of PROTOCOL §4. It needs `find` and number.
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
