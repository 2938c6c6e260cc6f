"""The tables of tidy.py: layers, fences, banned calls, exemptions with their reasons.

Why: a change of the rules is a change of this file, seen in review.
Never: code.
"""

# A folder includes only what has a lower number; folders of one number never include each other.
LAYERS = {
    "common": 0, "domain": 1, "codec": 2, "loop": 2,
    "http": 3, "admission": 3, "inventory": 3, "journal": 3, "ledger": 3,
    "payments": 3,
    "purchase": 4, "settlement": 4, "api": 5, "admin": 5, "bin": 6,
}

# What the layers alone would allow: (file, included).
FORBIDDEN = [
    (r"engine/purchase/", r"(http|ledger)/"),                # knows no HTTP, never meets MySQL
    (r"engine/settlement/", r"(http|admission|payments)/"),    # notices come verified
    (r"engine/api/", r"(ledger|settlement)/"),               # the engine's wing links no MySQL
    (r"engine/admin/", r"(purchase|payments)/"),
    (r"engine/bin/(seckilld|engine)", r"(ledger|settlement|admin)/"),
    (r"engine/bin/(seckill_worker|worker)", r"(purchase|payments|api)/(?!api_ops)"),
]

# Headers made at build time, and the folder that may include them.
GENERATED = {"lua_scripts.h": "inventory"}

LIBRARIES = {
    "libevent": r"event2/|event\.h|evhttp",
    "hiredis": r"hiredis/",
    "librdkafka": r"librdkafka/",
    "msgpack": r"msgpack",
    "MySQL": r"(mysql|mariadb|my_|mysqld_error|errmsg\.h)",
    "OpenSSL": r"openssl/",
    "jansson": r"jansson",
    "xxhash": r"xxh",
    "libconfig": r"libconfig",
    "libcurl": r"curl/",
    "Criterion": r"criterion/",
}
FENCES = {
    "libevent": r"engine/(loop|http)/\w+\.[ch]|engine/inventory/redis_link\.c",
    "hiredis": r"engine/inventory/\w+\.[ch]",
    "librdkafka": r"engine/journal/\w+\.[ch]",
    "msgpack": r"engine/codec/\w+\.c",
    "MySQL": r"engine/ledger/\w+\.[ch]",
    "OpenSSL": r"engine/admission/identity\.c|engine/payments/(signature|sealed)\.c",
    "jansson": r"engine/codec/json\.c",
    "xxhash": r"engine/common/hash\.c",
    "libconfig": r"engine/common/conf\.c",
    "libcurl": r"nowhere in engine/",
    "Criterion": r"nowhere in engine/",
}

# (rule, pattern with the name as its first group, what to do instead, where, but not there)
BANNED = [
    ("banned", r"\b(strcpy|strcat|sprintf|vsprintf|gets|alloca)\s*\(", "has no bound", r"",
     r"tests/"),
    ("banned", r"\b(strcpy|sprintf|vsprintf|gets|alloca)\s*\(", "has no bound", r"tests/", None),
    ("banned", r"\b(atoi|atol|atoll|atof)\s*\(", "tells no error", r"", None),
    ("banned", r"\b(strtok)\s*\(", "has hidden state", r"", None),
    ("banned", r"\b(exit|quick_exit)\s*\(", "return from main", r"(engine|bench|tools)/", None),
    ("banned", r"\b(_exit)\s*\(", "only a process main may", r"(engine|bench|tools)/",
     r"engine/bin/"),
    ("banned", r"\b(rand|srand|random)\s*\(", "loop_random()", r"engine/", None),
    ("bare-sleep", r"\b(sleep|usleep|nanosleep)\s*\(", "wait for something", r"(engine|tests)/",
     r"(tests/support/|engine/common/failpoint\.c)"),
    # A signature is compared in signature.c, whose time tells nothing; text.c compares what
    # everybody may know (names and types).
    ("constant-time", r"\b(memcmp|bcmp|strn?cmp|strn?casecmp|strcoll|secret_equal)\s*\(",
     "text_is() for names, signature.h for signatures", r"engine/payments/",
     r"engine/payments/text\.c"),
    ("constant-time", r"\b(CRYPTO_memcmp)\s*\(", "signature.h compares signatures",
     r"engine/payments/", r"engine/payments/signature\.c"),
    ("constant-time", r"\b(text_is|text_begins|break|goto)\b", "no way out before the last one",
     r"engine/payments/signature\.c", None),
]

# These reach time, randomness and services through loop/, inventory/, journal/ and ledger/ only.
IMPURE_LAYERS = {"admission", "payments", "purchase", "settlement"}
IMPURE = (r"\b(clock_gettime|gettimeofday|clock_mono_us|clock_wall_ms|getrandom|socket|epoll_wait"
          r"|fopen|time(?=\s*\(\s*(?:NULL|&)))\s*\(")

# Sources without a unit test of their own, and why.
# A test in tests/integration/<layer>/ counts as well.
MIRROR_EXEMPT = {
    r"engine/bin/\w+\.c": "process mains: tests/e2e starts, drains and ends the real programs",
    r"engine/(api|admin)/\w+\.c": "doors between HTTP and the layers below: tests/e2e asks each",
    r"engine/ledger/(?!sql_text|mysql_error)\w+\.c":
        "SQL has a meaning on a database only: tests/integration/ledger runs it on a real one",
}

# Files of tests/ that may sleep: the helper that waits with a deadline is made of it.
WAITERS = {"tests/support/wait.py"}

# Where such a word is not ours.
LEFTOVER_EXEMPT = {"tests/tools/test_count_tests.py": "a directive of TAP"}
