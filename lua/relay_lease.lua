#!lua
-- relay_lease: a sale's relay lease is taken when it is free, and prolonged by its owner.
-- Why:    a plain SET cannot tell whose lease it prolongs (PROTOCOL §3.6).
-- Never:  takes a lease that another engine holds; looks at the fence: what was decided must reach
--         the log whatever came after.
--
--@ keys RELAY=1 COUNT=1
--@ status HELD="held" OTHER="other" TYPE="type" ARGS="args"
--
-- ARGV: 1 request id · 2 token of the engine · 3 life of the lease in ms, 1..600000
-- Reply: 1 request id · 2 status: held (by the caller now) · other · type (the key is no string)

local find = string.find

--@ include number

local LEASE_MS_MAX = 600000

local function main()
    local id, token, life = ARGV[1] or '', ARGV[2], number_of(ARGV[3])
    if #KEYS ~= 1 or #ARGV ~= 3 or token == '' or not life or life < 1 or life > LEASE_MS_MAX then
        return {id, 'args'}
    end
    local owner = redis.pcall('GET', KEYS[1])
    if type(owner) == 'table' then
        return {id, 'type'}
    end
    if owner and owner ~= token then
        return {id, 'other'}
    end
    redis.call('SET', KEYS[1], token, 'PX', ARGV[3])
    return {id, 'held'}
end

return main()
