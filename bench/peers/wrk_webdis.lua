-- wrk_webdis: purchases by buyers who never come twice, through webdis; counts what they are told.
-- Why:    webdis has a URL for each command, which seckill-bench does not speak.
-- Never:  shares a buyer between two runs: the caller names a prefix for each.
-- Arguments behind --: the script's SHA-1, the sale, the prefix.

local here = string.match(debug.getinfo(1, "S").source, "^@(.*)wrk_webdis.lua$")
dofile(here .. "wrk_report.lua")
local report, threads = done, {}

function setup(thread)
    threads[#threads + 1] = thread
end

function init(arguments)
    local sale = "/{s:" .. arguments[2] .. "}:"
    path = "/EVALSHA/" .. arguments[1] .. "/4" .. sale .. "stock" .. sale .. "orders" .. sale
        .. "log" .. sale .. "order_no/"
    prefix, buyer, outcomes = arguments[3], 0, {}
end

function request()
    buyer = buyer + 1
    local name = prefix .. buyer
    return wrk.format("GET", path .. name .. "/a/1/key-of-buyer-" .. name)
end

function response(status, _, body)
    local told = status == 200 and string.match(body, '^{"EVALSHA":%["([a-z-]+)"')
    local outcome = told or "unexpected"
    outcomes[outcome] = (outcomes[outcome] or 0) + 1
end

function done(summary, latency, requests)
    report(summary, latency, requests)
    local words = {}
    for _, thread in ipairs(threads) do
        for outcome, count in pairs(thread:get("outcomes")) do
            words[#words + 1] = string.format('"%s":%d', outcome, count)
        end
    end
    io.write("{", table.concat(words, ","), "}\n")
end
