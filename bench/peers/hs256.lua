-- hs256: who a signed token names, by nginx' own libcrypto.
-- Why:    Debian has no lua-resty-jwt; a fetch of the digest for each token would cost more than
--         the digest, so the keyed context is made once, as the engine does.
-- Never:  accepts another algorithm or key than the one of start().

local ffi = require("ffi")
local json = require("cjson.safe")
local decode = require("ngx.base64").decode_base64url

local find, sub, lower = string.find, string.sub, string.lower
local C = ffi.C

ffi.cdef [[
typedef struct evp_mac_st EVP_MAC;
typedef struct evp_mac_ctx_st EVP_MAC_CTX;
typedef struct {
    const char *key;
    unsigned int data_type;
    void *data;
    size_t data_size;
    size_t return_size;
} OSSL_PARAM;
EVP_MAC *EVP_MAC_fetch(void *context, const char *algorithm, const char *properties);
EVP_MAC_CTX *EVP_MAC_CTX_new(EVP_MAC *mac);
int EVP_MAC_init(EVP_MAC_CTX *ctx, const char *key, size_t size, const OSSL_PARAM params[]);
int EVP_MAC_update(EVP_MAC_CTX *ctx, const char *data, size_t size);
int EVP_MAC_final(EVP_MAC_CTX *ctx, unsigned char *out, size_t *ret_size, size_t room);
int CRYPTO_memcmp(const void *a, const void *b, size_t size);
]]

local UTF8_STRING, MAC_SIZE, MAC_TEXT_SIZE, TOKEN_SIZE_MAX, LEEWAY_S = 4, 32, 43, 4096, 60
local BEYOND = {"crit", "jku", "jwk", "x5u", "x5c"}
local mac = ffi.new("unsigned char[?]", MAC_SIZE)
local mac_size = ffi.new("size_t[1]")
local context, wanted, known_header

local M = {}

-- wanted: kid, issuer, audience.
function M.start(secret, names)
    local params = ffi.new("OSSL_PARAM[2]")
    local digest = ffi.new("char[7]", "SHA256")
    params[0].key, params[0].data_type = "digest", UTF8_STRING
    params[0].data, params[0].data_size, params[0].return_size = digest, 6, -1
    context = C.EVP_MAC_CTX_new(C.EVP_MAC_fetch(nil, "HMAC", nil))
    assert(C.EVP_MAC_init(context, secret, #secret, params) == 1, "no HMAC with SHA-256")
    wanted = names
end

local function is_signed(input, signature)
    return C.EVP_MAC_init(context, nil, 0, nil) == 1
        and C.EVP_MAC_update(context, input, #input) == 1
        and C.EVP_MAC_final(context, mac, mac_size, MAC_SIZE) == 1
        and C.CRYPTO_memcmp(mac, signature, MAC_SIZE) == 0
end

local function is_type(typ)
    return typ == nil or (type(typ) == "string"
        and (lower(typ) == "jwt" or lower(typ) == "at+jwt"))
end

-- Issuers repeat the header in every token: the last good one is kept.
local function is_header(header)
    if header == known_header then
        return true
    end
    local members = json.decode(decode(header) or "")
    if type(members) ~= "table" or members.alg ~= "HS256" or members.kid ~= wanted.kid
        or not is_type(members.typ) then
        return false
    end
    for _, name in ipairs(BEYOND) do
        if members[name] ~= nil then
            return false
        end
    end
    return true
end

local function is_past(time)
    return time == nil or (type(time) == "number" and time <= ngx.time() + LEEWAY_S)
end

-- The buyer. Else nil, and the problem's code.
local function read_claims(claims)
    if type(claims) ~= "table" or type(claims.exp) ~= "number" then
        return nil, "token-bad"
    end
    if ngx.time() >= claims.exp or not is_past(claims.nbf) or not is_past(claims.iat) then
        return nil, "token-expired"
    end
    if claims.iss ~= wanted.issuer or claims.aud ~= wanted.audience
        or type(claims.sub) ~= "string"
        or not ngx.re.find(claims.sub, [[\A[!-~]{1,64}\z]], "jo") then
        return nil, "token-bad"
    end
    return claims.sub
end

-- The token's subject. Else nil, and the problem's code.
function M.subject(authorization)
    if not authorization or lower(sub(authorization, 1, 7)) ~= "bearer " then
        return nil, "token-missing"
    end
    local first = find(authorization, ".", 8, true)
    local second = first and find(authorization, ".", first + 1, true)
    if not second or #authorization - second ~= MAC_TEXT_SIZE
        or #authorization > TOKEN_SIZE_MAX then
        return nil, "token-bad"
    end
    local header = sub(authorization, 8, first - 1)
    local signature = decode(sub(authorization, second + 1))
    if not signature or not is_header(header)
        or not is_signed(sub(authorization, 8, second - 1), signature) then
        return nil, "token-bad"
    end
    known_header = header
    return read_claims(json.decode(decode(sub(authorization, first + 1, second - 1)) or ""))
end

return M
