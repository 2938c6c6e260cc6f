"""payments: payment providers as the engine meets them: keys, notices, and their signatures.

Keys are made here, by OpenSSL (`cryptography`). Each provider builds the bytes that the real one
would send, from the same Notice; `twist` arguments make what a real one never would.
"""

import base64
import dataclasses
import datetime
import functools
import hashlib
import hmac
import itertools
import json
import secrets
import time
import urllib.parse

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.x509.oid import NameOID

from support import http_raw, openapi

PRICE = 199900  # of support.admin's sales
APP_ID, MCH_ID = "2014072300007148", "1230000109"
SERIAL = "5157F09EFDC096DE15EBE81A47057A7232F1B8E1"
BEIJING = datetime.timezone(datetime.timedelta(hours=8))

_numbers = itertools.count(1)
_run = secrets.token_hex(4)  # ids of two runs never meet


def new_id(prefix):
    return f"{prefix}_{_run}_{next(_numbers)}"


@dataclasses.dataclass(frozen=True)
class Notice:
    """What happened at a provider. kind: paid, failed or refunded. at: seconds, its clock."""

    order_no: object
    kind: str = "paid"
    amount: int = PRICE
    currency: str = "CNY"
    transaction: str = dataclasses.field(default_factory=lambda: new_id("tx"))
    event: str = dataclasses.field(default_factory=lambda: new_id("evt"))
    at: float = dataclasses.field(default_factory=time.time)

    def but(self, **fields):
        return dataclasses.replace(self, **fields)


@functools.lru_cache(maxsize=None)
def rsa_key(_name):
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def public_pem(key):
    return key.public_key().public_bytes(serialization.Encoding.PEM,
                                         serialization.PublicFormat.SubjectPublicKeyInfo)


def certificate_pem(key):
    """Self-signed, as WeChat Pay hands its platform key out."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tenpay test")])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (x509.CertificateBuilder().subject_name(name).issuer_name(name)
            .public_key(key.public_key()).serial_number(int(SERIAL, 16))
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=365))
            .sign(key, hashes.SHA256()))
    return made.public_bytes(serialization.Encoding.PEM)


def rsa_sha256(key, message):
    return base64.b64encode(key.sign(message, padding.PKCS1v15(), hashes.SHA256())).decode()


def rfc3339(seconds, zone=datetime.timezone.utc):
    return datetime.datetime.fromtimestamp(int(seconds), zone).isoformat().replace("+00:00", "Z")


def compact(value):
    return json.dumps(value, separators=(",", ":")).encode()


class Standard:
    """Standard Webhooks: HMAC-SHA256 over "id.timestamp.body"."""

    name = "standard"
    types = {"paid": "payment.succeeded", "failed": "payment.failed",
             "refunded": "payment.refunded"}

    def __init__(self):
        self.secret, self.next_secret = secrets.token_bytes(32), secrets.token_bytes(24)

    def settings(self, write):
        files = [write(f"standard-{number}", b"whsec_" + base64.b64encode(secret) + b"\n")
                 for number, secret in enumerate((self.secret, self.next_secret))]
        return {"payments.standard_secret_files": ",".join(files)}

    def body(self, notice, **more):
        return compact({"type": self.types.get(notice.kind, notice.kind),
                        "timestamp": rfc3339(notice.at),
                        "data": {"order_no": str(notice.order_no),
                                 "transaction_id": notice.transaction,
                                 "amount": notice.amount, "currency": notice.currency, **more}})

    def headers(self, notice, body, secret=None, signed=None, signature=None):
        stamp = str(int(notice.at))
        message = b".".join((notice.event.encode(), stamp.encode(),
                             body if signed is None else signed))
        digest = hmac.new(secret or self.secret, message, hashlib.sha256).digest()
        return [("Content-Type", "application/json"), ("webhook-id", notice.event),
                ("webhook-timestamp", stamp),
                ("webhook-signature", signature or "v1," + base64.b64encode(digest).decode())]


class Stripe:
    """Stripe-Signature: t=…,v1=…: HMAC-SHA256, in hex, over "timestamp.body"."""

    name = "stripe"
    types = {"paid": "payment_intent.succeeded", "failed": "payment_intent.payment_failed",
             "refunded": "charge.refunded"}

    def __init__(self):
        self.secret, self.next_secret = (b"whsec_" + secrets.token_hex(16).encode()
                                         for _ in range(2))

    def settings(self, write):
        files = [write(f"stripe-{number}", secret + b"\n")
                 for number, secret in enumerate((self.secret, self.next_secret))]
        return {"payments.stripe_secret_files": ",".join(files)}

    def body(self, notice, **more):
        paid = {"id": notice.transaction, "object": "payment_intent", "amount": notice.amount,
                "amount_received": notice.amount, "currency": notice.currency.lower(),
                "metadata": {"order_no": str(notice.order_no)}, "status": "succeeded", **more}
        refunded = {"id": new_id("ch"), "object": "charge", "amount": notice.amount,
                    "amount_refunded": notice.amount, "refunded": True,
                    "payment_intent": notice.transaction, "currency": notice.currency.lower(),
                    "metadata": {"order_no": str(notice.order_no)}, **more}
        return compact({"id": notice.event, "object": "event", "api_version": "2024-06-20",
                        "created": int(notice.at), "livemode": False,
                        "type": self.types.get(notice.kind, notice.kind),
                        "data": {"object": refunded if notice.kind == "refunded" else paid}})

    def headers(self, notice, body, secret=None, signed=None, signature=None):
        stamp = str(int(notice.at))
        message = stamp.encode() + b"." + (body if signed is None else signed)
        digest = hmac.new(secret or self.secret, message, hashlib.sha256).hexdigest()
        return [("Content-Type", "application/json; charset=utf-8"),
                ("Stripe-Signature", signature or f"t={stamp},v1={digest}")]


class Alipay:
    """Form-encoded; RSA2 over the sorted, decoded parameters without sign and sign_type."""

    name = "alipay"
    types = {"paid": "TRADE_SUCCESS", "failed": "TRADE_CLOSED"}

    def __init__(self):
        self.key = rsa_key("alipay")

    def settings(self, write):
        return {"payments.alipay_key_files": write("alipay.pem", public_pem(self.key)),
                "payments.alipay_app_id": APP_ID, "payments.alipay_resend_s": 300}

    def fields(self, notice, **more):
        when = datetime.datetime.fromtimestamp(int(notice.at), BEIJING)
        stamp = when.strftime("%Y-%m-%d %H:%M:%S")
        return {"notify_time": stamp, "notify_type": "trade_status_sync",
                "notify_id": notice.event, "app_id": APP_ID, "charset": "utf-8",
                "version": "1.0", "out_trade_no": str(notice.order_no),
                **({"trade_no": notice.transaction} if notice.transaction else {}),
                "trade_status": self.types.get(notice.kind, notice.kind),
                "total_amount": f"{notice.amount // 100}.{notice.amount % 100:02d}",
                "subject": "手机 & more=100%", "gmt_payment": stamp, "sign_type": "RSA2", **more}

    def sign(self, fields, key=None):
        text = "&".join(f"{name}={value}" for name, value in sorted(fields.items())
                        if name not in ("sign", "sign_type") and value != "")
        return rsa_sha256(key or self.key, text.encode())

    def body(self, notice, key=None, sign=None, signed=None, **more):
        fields = self.fields(notice, **more)
        made = sign or self.sign(fields if signed is None else signed, key)
        return urllib.parse.urlencode({**fields, "sign": made}).encode()

    def headers(self, _notice, _body):
        return [("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")]


class Wechatpay:
    """API v3: RSA-SHA256 over "timestamp\\nnonce\\nbody\\n"; the resource sealed by AES-256-GCM."""

    name = "wechatpay"
    types = {"paid": "TRANSACTION.SUCCESS", "refunded": "REFUND.SUCCESS"}

    def __init__(self):
        self.key, self.api_key = rsa_key("wechatpay"), secrets.token_hex(16).encode()

    def settings(self, write):
        return {"payments.wechatpay_key_files":
                f"{SERIAL}={write('wechatpay.pem', certificate_pem(self.key))}",
                "payments.wechatpay_api_key_file": write("wechatpay.api", self.api_key + b"\n")}

    def resource(self, notice, **more):
        if notice.kind == "refunded":
            return {"mchid": MCH_ID, "out_trade_no": str(notice.order_no),
                    "transaction_id": notice.transaction, "out_refund_no": new_id("refund"),
                    "refund_id": new_id("r"), "refund_status": "SUCCESS",
                    "success_time": rfc3339(notice.at, BEIJING),
                    "amount": {"total": notice.amount, "refund": notice.amount,
                               "payer_total": notice.amount, "payer_refund": notice.amount},
                    **more}
        return {"mchid": MCH_ID, "appid": "wxd678efh567hg6787",
                "out_trade_no": str(notice.order_no), "transaction_id": notice.transaction,
                "trade_type": "JSAPI", "trade_state": "SUCCESS", "bank_type": "OTHERS",
                "success_time": rfc3339(notice.at, BEIJING),
                "amount": {"total": notice.amount, "payer_total": notice.amount,
                           "currency": notice.currency, "payer_currency": notice.currency},
                **more}

    def body(self, notice, api_key=None, **more):
        nonce, what = secrets.token_hex(6).encode(), "transaction"
        sealed = AESGCM(api_key or self.api_key).encrypt(
            nonce, compact(self.resource(notice, **more)), what.encode())
        return compact({"id": notice.event, "create_time": rfc3339(notice.at, BEIJING),
                        "resource_type": "encrypt-resource", "summary": "paid",
                        "event_type": self.types.get(notice.kind, notice.kind),
                        "resource": {"original_type": what, "algorithm": "AEAD_AES_256_GCM",
                                     "ciphertext": base64.b64encode(sealed).decode(),
                                     "associated_data": what, "nonce": nonce.decode()}})

    def headers(self, notice, body, key=None, signed=None, signature=None, serial=SERIAL):
        stamp, nonce = str(int(notice.at)), secrets.token_hex(16)
        message = b"%s\n%s\n%s\n" % (stamp.encode(), nonce.encode(),
                                     body if signed is None else signed)
        return [("Content-Type", "application/json"), ("Wechatpay-Serial", serial),
                ("Wechatpay-Timestamp", stamp), ("Wechatpay-Nonce", nonce),
                ("Wechatpay-Signature", signature or rsa_sha256(key or self.key, message))]


PROVIDERS = (Standard, Stripe, Alipay, Wechatpay)


class Payments:
    """All providers, their keys in files of `directory`. settings: of the engines."""

    def __init__(self, directory):
        directory.mkdir(mode=0o700, exist_ok=True)
        self.providers = {make.name: make() for make in PROVIDERS}
        self.settings = {}

        def write(name, content):
            path = directory / name
            path.touch(mode=0o600)
            path.write_bytes(content)
            return str(path)

        for provider in self.providers.values():
            self.settings.update(provider.settings(write))

    def __getitem__(self, name):
        return self.providers[name]

    def request(self, name, notice):
        """(headers, body) of a good notice."""
        provider = self.providers[name]
        body = provider.body(notice)
        return provider.headers(notice, body), body

    def encode(self, name, notice):
        """Its bytes, to be sent on a connection."""
        headers, body = self.request(name, notice)
        return http_raw.encode("POST", f"/v1/payments/{name}", headers, body)


def post(address, name, headers, body, connection=None):
    """Its answer, which must be one that openapi.yaml has."""
    path = f"/v1/payments/{name}"
    if connection is None:
        response = http_raw.request(address, "POST", path, headers, body)
    else:
        response = connection.send(http_raw.encode("POST", path, headers, body)).read_response(
            "POST")
    openapi.check("POST", "/v1/payments/{provider}", response)
    return response
