"""tokens: buyer tokens (JWT, HS256), good ones and every kind of bad one.

Written out by hand, so that a test can also make what no library would.
"""

import base64
import hashlib
import hmac
import json
import time

KID, ISSUER, AUDIENCE = "default", "seckill", "seckill"
LIFE_S = 3600
ABSENT = object()  # as the value of a claim or header field: leave it out


def b64url(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _json(value):
    return value if isinstance(value, bytes) else json.dumps(
        value, separators=(",", ":"), ensure_ascii=False).encode()


def _without_absent(fields):
    return {name: value for name, value in fields.items() if value is not ABSENT}


def header(**fields):
    return _without_absent({"alg": "HS256", "typ": "JWT", "kid": KID, **fields})


def claims(buyer, **fields):
    now = int(time.time())
    return _without_absent({"sub": buyer, "iss": ISSUER, "aud": AUDIENCE,
                            "iat": now, "exp": now + LIFE_S, **fields})


def sign(secret, head, body, digest=hashlib.sha256):
    """head and body: dicts, or the very bytes to encode."""
    text = f"{b64url(_json(head))}.{b64url(_json(body))}"
    return f"{text}.{b64url(hmac.new(secret, text.encode(), digest).digest())}"


def mint(secret, buyer, head=None, **fields):
    """A good token; `head` and `fields` change, add or (ABSENT) remove single fields."""
    return sign(secret, header(**(head or {})), claims(buyer, **fields))


def forgeries(secret, buyer):
    """{what is wrong: token}: each must be refused with 401, whatever else is right about it."""
    now = int(time.time())
    good = mint(secret, buyer)
    head, body, signature = good.split(".")
    flipped = signature[:-2] + ("A" if signature[-2] != "A" else "B") + signature[-1]
    none = b64url(_json(header(alg="none")))
    return {
        "no parts": "token",
        "two parts": f"{head}.{body}",
        "four parts": f"{good}.{signature}",
        "empty signature": f"{head}.{body}.",
        "short signature": f"{head}.{body}.{signature[:20]}",
        "flipped signature": f"{head}.{body}.{flipped}",
        "padded signature": f"{good}=",
        "signature of another body": f"{head}.{b64url(_json(claims('other')))}.{signature}",
        "other secret": mint(b"x" * len(secret), buyer),
        "alg none": f"{none}.{body}.",
        "alg none, old signature": f"{none}.{body}.{signature}",
        "alg None": mint(secret, buyer, head={"alg": "None"}),
        "alg HS512": sign(secret, header(alg="HS512"), claims(buyer), hashlib.sha512),
        "alg HS512 signed as HS256": mint(secret, buyer, head={"alg": "HS512"}),
        "alg RS256 signed as HS256": mint(secret, buyer, head={"alg": "RS256"}),
        "alg absent": mint(secret, buyer, head={"alg": ABSENT}),
        "alg a number": mint(secret, buyer, head={"alg": 256}),
        "kid absent": mint(secret, buyer, head={"kid": ABSENT}),
        "typ of another use": mint(secret, buyer, head={"typ": "logout+jwt"}),
        "unknown kid": mint(secret, buyer, head={"kid": "nobody"}),
        "kid with a path": mint(secret, buyer, head={"kid": "../../dev/null"}),
        "crit": mint(secret, buyer, head={"crit": ["exp"]}),
        "jku": mint(secret, buyer, head={"jku": "https://keys.invalid/"}),
        "x5u": mint(secret, buyer, head={"x5u": "https://keys.invalid/"}),
        "jwk": mint(secret, buyer, head={"jwk": {"kty": "oct", "k": b64url(secret)}}),
        "header no object": sign(secret, b"[1]", claims(buyer)),
        "header no JSON": sign(secret, b"{", claims(buyer)),
        "claims no object": sign(secret, header(), b'"x"'),
        "claims no JSON": sign(secret, header(), b'{"sub":'),
        "claims with trailing text": sign(secret, header(), _json(claims(buyer)) + b"x"),
        "claims no UTF-8": sign(secret, header(), _json(claims(buyer)).replace(b"sub", b"s\xff")),
        "expired": mint(secret, buyer, exp=now - 1),
        "expired long ago": mint(secret, buyer, exp=1),
        "exp absent": mint(secret, buyer, exp=ABSENT),
        "exp text": mint(secret, buyer, exp=str(now + LIFE_S)),
        "exp fraction": mint(secret, buyer, exp=now + 0.5 - 10),
        "exp negative": mint(secret, buyer, exp=-1),
        "nbf in the future": mint(secret, buyer, nbf=now + 600),
        "nbf text": mint(secret, buyer, nbf="now"),
        "iat in the future": mint(secret, buyer, iat=now + 600),
        "other issuer": mint(secret, buyer, iss="another"),
        "issuer's prefix": mint(secret, buyer, iss=ISSUER[:-1]),
        "issuer absent": mint(secret, buyer, iss=ABSENT),
        "issuer a number": mint(secret, buyer, iss=7),
        "other audience": mint(secret, buyer, aud="another"),
        "audience list without us": mint(secret, buyer, aud=["another", "third"]),
        "audience absent": mint(secret, buyer, aud=ABSENT),
        "audience empty list": mint(secret, buyer, aud=[]),
        "sub absent": mint(secret, ABSENT),
        "sub empty": mint(secret, ""),
        "sub too long": mint(secret, "b" * 65),
        "sub with a blank": mint(secret, "a b"),
        "sub with a line end": mint(secret, "a\r\nX: y"),
        "sub with a zero byte": mint(secret, "a\0b"),
        "sub not ASCII": mint(secret, "käufer"),
        "sub a number": mint(secret, 7),
        "sub null": mint(secret, None),
        "too long": mint(secret, buyer, pad="x" * 5000),
    }
