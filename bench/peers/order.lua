-- order: a purchase as nginx with Lua and Redis does it.
-- Why:    the same request, checks and answers as the engine's, by what a user would pick instead.
-- Never:  tells a refusal for a reply that was lost.

local json = require("cjson.safe")
local redis = require("nginx.redis")
local hs256 = require("hs256")

local POOL_SIZE, IDLE_MS, TIMEOUT_MS, QUANTITY_MAX = 256, 60000, 1000, 1000
local OUTCOMES = {
    ["sold-out"] = {409, "There are not enough units left."},
    ["limit-reached"] = {409, "You already hold all that one buyer may."},
    ["unknown-sku"] = {404, "This sale has no such sku."},
    ["outcome-unknown"] = {503, "The outcome is not known yet. Ask again with the same key."},
    ["token-missing"] = {401, "Authorization: Bearer and a token are needed."},
    ["token-bad"] = {401, "The token is malformed, or not signed for this service."},
    ["token-expired"] = {401, "The token is not valid at this time."},
    ["method-not-allowed"] = {405, "Only POST is known here."},
    ["unsupported-media-type"] = {415, "Content-Type must be application/json."},
    ["bad-json"] = {400, "The body is not one JSON object."},
    ["bad-sku"] = {400, "A sku is 1 to 32 of A-Z a-z 0-9 . _ -"},
    ["bad-quantity"] = {400, "quantity is a whole number from 1 to 1000."},
    ["bad-idempotency-key"] = {400, "Idempotency-Key is 16 to 64 visible ASCII characters."},
}

local problems = {}
for code, outcome in pairs(OUTCOMES) do
    problems[code] = {status = outcome[1], body = string.format(
        '{"type":"about:blank","status":%d,"code":"%s","detail":"%s"}', outcome[1], code,
        outcome[2])}
end

local redis_port, script, script_sha

local M = {}

local function read_file(path)
    local file = assert(io.open(path, "rb"))
    local text = file:read("*a")
    file:close()
    return text
end

-- In the master, before it forks: workers may not read the files.
function M.start(options)
    redis_port = options.redis_port
    script = read_file(options.script_file)
    script_sha = string.gsub(ngx.sha1_bin(script), ".", function(byte)
        return string.format("%02x", string.byte(byte))
    end)
    hs256.start(string.gsub(read_file(options.secret_file), "\n$", ""), options)
end

local function send(status, content_type, body)
    ngx.status = status
    ngx.header.content_type = content_type
    ngx.header.content_length = #body
    ngx.print(body)
end

local function refuse(code)
    local problem = problems[code]
    send(problem.status, "application/problem+json", problem.body)
end

local function tell_order(sale, order_no, sku, quantity, is_replay)
    ngx.header.location = "/v1/sales/" .. sale .. "/orders/" .. order_no
    if is_replay then
        ngx.header["Idempotent-Replayed"] = "true"
    end
    send(201, "application/json", '{"order_no":"' .. order_no .. '","sale":' .. sale
        .. ',"sku":"' .. sku .. '","quantity":' .. quantity .. ',"state":"PENDING"}')
end

-- The script's reply. nil: it is not known what became of it.
local function decide(sale, buyer, sku, quantity, key)
    local keys = "{s:" .. sale .. "}:"
    local link = redis:new()
    link:set_timeout(TIMEOUT_MS)
    if not link:connect("127.0.0.1", redis_port) then
        return nil
    end
    local reply, trouble = link:evalsha(script_sha, 4, keys .. "stock", keys .. "orders",
        keys .. "log", keys .. "order_no", buyer, sku, quantity, key)
    if not reply and trouble and string.sub(trouble, 1, 8) == "NOSCRIPT" then
        reply = link:eval(script, 4, keys .. "stock", keys .. "orders", keys .. "log",
            keys .. "order_no", buyer, sku, quantity, key)
    end
    if reply then
        link:set_keepalive(IDLE_MS, POOL_SIZE)
    else
        link:close()
    end
    return reply
end

-- sku, quantity, key. Else nil, and the problem's code.
local function read_request()
    if ngx.req.get_method() ~= "POST" then
        return nil, "method-not-allowed"
    end
    if ngx.var.content_type ~= "application/json" then
        return nil, "unsupported-media-type"
    end
    ngx.req.read_body()
    local body = json.decode(ngx.req.get_body_data() or "")
    if type(body) ~= "table" then
        return nil, "bad-json"
    end
    local sku, quantity, key = body.sku, body.quantity, ngx.var.http_idempotency_key or ""
    if type(sku) ~= "string" or not ngx.re.find(sku, [[\A[A-Za-z0-9._-]{1,32}\z]], "jo") then
        return nil, "bad-sku"
    end
    if type(quantity) ~= "number" or quantity < 1 or quantity > QUANTITY_MAX
        or quantity % 1 ~= 0 then
        return nil, "bad-quantity"
    end
    if key ~= "" and not ngx.re.find(key, [[\A[!-~]{16,64}\z]], "jo") then
        return nil, "bad-idempotency-key"
    end
    return sku, quantity, key
end

-- flags: a shared dictionary for "sold out", or nil. It is right only as long as no unit comes
-- back, and a winner who asks again is told "sold out", too.
function M.buy(flags)
    local buyer, problem = hs256.subject(ngx.var.http_authorization)
    if not buyer then
        return refuse(problem)
    end
    local sku, quantity, key = read_request()
    if not sku then
        return refuse(quantity)
    end
    local sale = ngx.var[1]
    local flag = flags and sale .. ":" .. sku
    if flag and flags:get(flag) then
        return refuse("sold-out")
    end
    local reply = decide(sale, buyer, sku, quantity, key)
    if not reply then
        return refuse("outcome-unknown")
    end
    local outcome, value = reply[1], reply[2]
    if outcome == "accepted" or outcome == "replayed" then
        return tell_order(sale, value, sku, quantity, outcome == "replayed")
    end
    if flag and outcome == "sold-out" and value == "0" then
        flags:set(flag, true)
    end
    return refuse(outcome)
end

return M
