"""What tidy.py knows of C: where functions are, how deep they nest, which labels a switch has.

Why: a parser of C is too much for it. The sources are formatted, so braces and columns tell enough.
Never: prints; decides what is allowed.
"""
import re

# Names of libraries' and the system's values, which nobody can list in full.
FOREIGN_VALUES = re.compile(
    r"^(RD_KAFKA_|REDIS_|MYSQL_|CR_|ER_|JSON_|MSGPACK_|CONFIG_|SIG|EV_|AF_)")
COMMENTS_AND_TEXTS = re.compile(
    r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n\\]|\\.|\\\n)*", re.M | re.S)
BLOCK_WORDS = {"if", "for", "while", "switch"}


class Function:
    def __init__(self, line, line_count, levels, deep_line):
        self.line = line              # of the opening brace
        self.line_count = line_count  # from brace to brace
        self.levels = levels          # blocks in blocks
        self.deep_line = deep_line    # where the deepest begins


def line_of(text, at):
    return text.count("\n", 0, at) + 1


def hollow(match):
    """As long as before, with its line ends, but without meaning."""
    text = match[0]
    inner = re.sub(r"[^\n]", " ", text)
    return text[0] + inner[1:-1] + text[-1] if text[0] in "\"'" else inner


def blank(text):
    """The source without comments, texts and preprocessor lines; every place stays where it was."""
    text = COMMENTS_AND_TEXTS.sub(hollow, text)
    return DIRECTIVE.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)


def functions(clean):
    """A function's braces stand in the first column; nothing else's do but tables' and types'."""
    for match in re.finditer(r"^\{\n(.*?)^\}$", clean, re.M | re.S):
        head = clean[:match.start()].rstrip()
        if not head.endswith(")"):
            continue
        levels, deep = depth_of(clean, match.start() + 1, match.end() - 1)
        line = line_of(clean, match.start())
        yield Function(line, match[0].count("\n") + 1, levels, line_of(clean, deep))


def opens_block(clean, at):
    """Whether the brace at `at` begins a statement's block, not an initializer."""
    before = clean[:at].rstrip()
    if before.endswith(")"):
        word = word_before_parenthesis(before)
        # A macro in capitals that stands at the head of a block is a loop.
        return word in BLOCK_WORDS or (word.isupper() and len(word) > 1)
    return re.search(r"\b(else|do)$", before[-8:]) is not None


def word_before_parenthesis(before):
    depth = 0
    for at in range(len(before) - 1, -1, -1):
        if before[at] == ")":
            depth += 1
        elif before[at] == "(":
            depth -= 1
            if depth == 0:
                match = re.search(r"(\w+)\s*$", before[max(0, at - 80):at])
                return match[1] if match else ""
    return ""


def depth_of(clean, start, end):
    """The most blocks in each other between two places, and where the deepest begins."""
    stack, deepest, place = [], 0, start
    for match in re.finditer(r"[{}]", clean[start:end]):
        at = start + match.start()
        if match[0] == "}":
            if stack:
                stack.pop()
            continue
        stack.append(opens_block(clean, at))
        if sum(stack) > deepest:
            deepest, place = sum(stack), at
    return deepest, place


def switches(clean):
    """(line, labels of its own cases, whether it has a default) for each switch."""
    for match in re.finditer(r"\bswitch\s*\(", clean):
        body = body_after(clean, match.end() - 1)
        if body is None:
            continue
        own = without_inner_switches(body)
        labels = re.findall(r"\bcase\s+([^:]+?)\s*:", own)
        yield line_of(clean, match.start()), labels, re.search(r"\bdefault\s*:", own) is not None


def body_after(clean, at):
    """The text between the braces that follow the parenthesis at `at`."""
    brace = clean.find("{", closing(clean, at, "()"))
    end = closing(clean, brace, "{}") if brace >= 0 else -1
    return clean[brace + 1:end - 1] if end > 0 else None


def closing(clean, at, pair):
    """The place behind what closes the opening one at `at`; -1: nothing does."""
    depth = 0
    for match in re.finditer("[" + re.escape(pair) + "]", clean[at:]):
        depth += 1 if match[0] == pair[0] else -1
        if depth == 0:
            return at + match.end()
    return -1


def without_inner_switches(body):
    while True:
        match = re.search(r"\bswitch\s*\(", body)
        if not match:
            return body
        brace = body.find("{", match.end())
        end = closing(body, brace, "{}") if brace >= 0 else -1
        if end < 0:
            return body[:match.start()]
        body = body[:match.start()] + body[end:]


def is_own_enum(label):
    """An enum value of ours: in capitals with an underscore, and of no library."""
    return (re.fullmatch(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+", label) is not None
            and not FOREIGN_VALUES.match(label))
