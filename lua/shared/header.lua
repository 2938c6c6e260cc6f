-- The header of a reply. It needs `concat` and `format`.
-- `outbox_first` is 0 from a script that does not look at the outbox.
local function header_of(sale, outbox_first)
    local time = redis.call('TIME')
    return concat({format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)), sale.epoch,
        format('%.0f', sale.version), sale.state, format('%.0f', sale.seq), outbox_first}, ' ')
end
