#!lua
-- set_state: moves a sale from state to state, as the operator or the worker's second step says.
-- Why:    what stops selling takes effect at once; what starts it again is announced (version odd)
--         and applied `hold` later (PROTOCOL §3.8).
-- Never:  touches a sale that is being loaded; opens what was not announced (loaded, resuming).
--
--@ keys META=1 COUNT=1
--@ status OK="ok" GONE="gone" EPOCH="epoch" REPLID="replid" TYPE="type" ARGS="args"
--@ status STATE="state" HOLD="hold"
--
-- ARGV: 1 request id · 2 epoch · 3 verb: pause, resume, open, end, freeze, unfreeze
--       with open also, if wished: 4 the version of the announcement
-- Reply: 1 request id · 2 status; with "epoch" 3 the epoch of meta; with "ok", "state" (not allowed
--       from here, nothing changed) and "hold" 3 header, its outbox_first always 0.
--       "hold" (open): another announcement than the caller's is under way, nothing changed: open
--       after another hold, with the header's version.
--
-- verb      from                              to        version
-- pause     open                              paused    + 2
-- pause     loaded, resuming                  paused    the next even one: the announcement is over
-- resume    paused                            resuming  made odd
-- open      loaded, resuming                  open      made even
-- end       open, paused, frozen              ended     + 2
-- end       loaded, resuming                  ended     the next even one
-- freeze    open, paused                      frozen    + 2
-- freeze    loaded, resuming                  frozen    the next even one
-- unfreeze  frozen                            paused    + 2
-- Where it is already: "ok", nothing changes; so it is for `resume` of an open sale (the answer was
-- lost), `unfreeze` of a paused one, and `open` and `freeze` of an ended one: it stays ended.

local find, format = string.find, string.format
local concat = table.concat

--@ include number
--@ include fence
--@ include header

-- verb → state → the state that follows; the same state: nothing to do.
local MOVES = {
    pause = {loaded = 'paused', open = 'paused', resuming = 'paused', paused = 'paused'},
    resume = {paused = 'resuming', resuming = 'resuming', open = 'open'},
    open = {loaded = 'open', resuming = 'open', open = 'open', ended = 'ended'},
    ['end'] = {loaded = 'ended', open = 'ended', paused = 'ended', resuming = 'ended',
        frozen = 'ended', ended = 'ended'},
    freeze = {loaded = 'frozen', open = 'frozen', paused = 'frozen', resuming = 'frozen',
        ended = 'ended', frozen = 'frozen'},
    unfreeze = {frozen = 'paused', paused = 'paused'},
}

-- Odd stays odd while announced units wait; the announcement of a state ends with that state.
local function version_after(verb, sale)
    local odd = sale.version % 2 == 1
    if verb == 'resume' then
        return odd and sale.version or sale.version + 1
    end
    if odd and (sale.state == 'loaded' or sale.state == 'resuming') then
        return sale.version + 1
    end
    if verb == 'open' then
        return sale.version
    end
    return sale.version + 2
end

local function main()
    local id, verb, announced = ARGV[1] or '', ARGV[3], number_of(ARGV[4])
    local count = verb == 'open' and announced and 4 or 3
    if #KEYS ~= 1 or #ARGV ~= count or not number_of(ARGV[2]) or not MOVES[verb] then
        return {id, 'args'}
    end
    local sale, status, epoch = pass_fence(KEYS[1], ARGV[2])
    if not sale then
        return {id, status, epoch}
    end
    local state = MOVES[verb][sale.state]
    if not state then
        return {id, 'state', header_of(sale, '0')}
    end
    if announced and state ~= sale.state and sale.version ~= announced then
        return {id, 'hold', header_of(sale, '0')}
    end
    if state ~= sale.state then
        sale.version, sale.state = version_after(verb, sale), state
        redis.call('HSET', KEYS[1], 'state', state, 'version', format('%.0f', sale.version))
    end
    return {id, 'ok', header_of(sale, '0')}
end

return main()
