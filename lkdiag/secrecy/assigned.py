"""Finds secrets by the name that is given to them: `password=…`, `"apiSecret": "…"`, `Authorization: …`, `--token …`.

Names are found by a pattern, and what is assigned to them is read by hand: in any depth of JSON in JSON, quoted for a
URL, as Python, YAML, XML or a header. A value that is no secret (`token: expired`, `password=None`) stays.
"""

from __future__ import annotations

import re

from lkdiag.secrecy.mask import HIDDEN

LONG_WORD = 16
"""Letters. A longer word behind `token:` is no word of a sentence."""
SHORTEST_SURE = 12
"""Characters of a value that is certainly a secret, though its name is vague."""
LONGEST = 8_192
"""Characters of a value whose closing quote is looked for."""

_KEYS = (
    r"(?:access|account|admin|app|application|auth|client|consumer|deploy|encryption|license|master|service|session|"
    r"shared|shared[ _-]?access|signing|ssh|storage|subscription|xi[_-]?api|api)[ _-]?key"
)
_NAME = (
    r"(?P<phrase>pass[_-]?phrases?|mnemonic|seed[ _-]phrase)"
    r"|(?P<cookie>cookie)"
    r"|secret(?:[ _-]?(?:access[ _-]?)?key)?s?|passw(?:or)?ds?|pass[_-]?code|ice[_-]?pwd"
    r"|(?<![a-z])pwd|(?<=[a-z0-9][_-])pass|private[ _-]?key|credential|(?:sharedaccess)?signature"
    rf"|(?P<weak>authorization|token|credentials|{_KEYS}|(?<![a-z])auth)"
)
_QUOTE = r"(?:\\{0,16}[\"'`]|(?:%(?:25){0,4}5C){0,8}%(?:25){0,4}2[27]|&(?:quot|\#34|\#39|apos);)"
_ASSIGNED = re.compile(
    rf"(?:{_NAME})"
    rf"(?:(?P<close>{_QUOTE})?\]?(?:\s|%20){{0,8}}(?P<sep>=>|:=|={{1,3}}|:|%(?:25){{0,4}}3[AD])(?:\s|%20){{0,8}}"
    rf"|{_QUOTE},\s{{0,4}}(?P<pair>)(?=b?[\"'])|(?P<xml>>)"
    r"|(?:[ ](?:provided|given|used|received))?(?P<said>:[ ]|[ ](?:is|was)[ ]|[ ](?=[\"'`])))",
    re.IGNORECASE,
)
_OPTION = re.compile(
    r"--(?:[a-z0-9]{1,24}-){0,4}(?:secret(?:-key)?|passw(?:or)?d|passwd|passphrase|pass"
    r"|token|api-key|access-key|credentials?|auth)(?P<sep>\s{1,8}|[\"'],\s{0,4}(?=[\"']))",
    re.IGNORECASE,
)
_WORDS = ("phrase", "mnemonic", "cookie", "secret", "passw", "pass_", "pass-", "pwd", "_pass", "-pass", "private",
          "signature", "auth", "token", "credential", "key")  # fmt: skip
"""What is in every text that has such a name, in small letters."""
_OPENS = re.compile(
    rf"(?:[\[(]\s?|Secret(?:Str|Bytes)?\()?(?:[brfu]{{1,2}}(?=[\"']))?(?P<quote>{_QUOTE})", re.IGNORECASE
)
_SCHEME = re.compile(r"(?:bearer|basic|token|apikey|negotiate|ntlm)\s{1,4}(?=\S)", re.IGNORECASE)
_WHOLE_LINE = re.compile(r"(?:digest|aws4-hmac-sha256|hmac|hawk|oauth)\s", re.IGNORECASE)
_RUN = re.compile(r"[^\s\"'`,;&<>)}\]\\]+")
_RUN_IN_URL = re.compile(r"(?:(?!%(?:25){0,4}(?:2[0267C]|3B|5C|7D|0[AD]))[^\s\"'`,;&<>)}\]\\])+", re.IGNORECASE)
_CLAUSE = re.compile(r"[^\n\"'`,;&<>)}\]\\]+")
_LINE = re.compile(r"(?:[^\n\\]|\\(?![nr]))+")

_NO_SECRET = re.compile(
    r"(?:\*|<|\$\{?[a-z_]|\$\(|\{|\[|%[a-z(]|\.\.\.|…|x{3,}$)"
    r"|/(?:[a-z][\w.-]*/)+"  # a path
    r"|[a-z_]+(?:\.[a-z_]+)*[(\[]",  # a call, in a line of code
    re.IGNORECASE,
)
_PLAIN = re.compile(
    r"(?:a|an|and|absent|any|are|as|at|basic|bearer|be|been|by|can|can't|cannot|check|could|default|denied|did|does|"
    r"empty|error|exclude|excludes|expired|fails?|failed|failure|false|for|forbidden|found|from|given|good|had|has|"
    r"have|hidden|if|in|incorrect|int|invalid|is|isn't|instead|it|its|lacks|length|malformed|masked|may|mismatch|"
    r"missing|must|needed|needs|nil|no|none|not|not[-_]set|null|of|ok|on|or|password|please|present|provided|"
    r"redacted|refused|rejected|required|revoked|set|should|signature|str|string|that|the|to|token|too|true|"
    r"unauthenticated|unauthorized|undefined|unexpected|unknown|unset|valid|verification|was|were|which|will|with|"
    r"without|wrong|yes|your)",
    re.IGNORECASE,
)
"""Words that follow such a name in a sentence. None of them is a secret."""
_LIVEKIT_KEY = re.compile(r"API[A-Za-z0-9]{6,24}")
"""LiveKit's API keys are no secrets: every token names its own in clear text."""
_TURN = re.compile(r"\bturns?:")
_USERNAME = re.compile(
    rf"(?P<name>\busername(?:{_QUOTE})?\s{{0,4}}(?:=|:|%3D|%3A)\s{{0,4}}(?:{_QUOTE})?)[^\s\"'`,;&<>)}}\]\\%]+",
    re.IGNORECASE,
)


def is_secret_value(value: str) -> bool:
    """Whether it can be the value of such a field: not `***`, `expired` or a LiveKit API key."""
    bare = value.strip().rstrip(".:!?")
    return bool(bare) and not (_NO_SECRET.match(bare) or _PLAIN.fullmatch(bare) or _LIVEKIT_KEY.fullmatch(bare))


def without_assigned(text: str, *, sure: bool = False) -> str:
    """`text` with `***` for every value that is assigned to the name of a secret.

    With `sure` a short value of a vague name stays (`auth: guest`, `token: caller-17`): it may be no secret.
    """
    small = text.lower()
    if not any(word in small for word in _WORDS):
        return text
    text = _replaced(text, _OPTION, sure=sure)
    text = _replaced(text, _ASSIGNED, sure=sure)
    if "username" in small and ("credential" in small or _TURN.search(small)):
        text = _USERNAME.sub(lambda found: f"{found['name']}{HIDDEN}", text)
    return text


def _replaced(text: str, pattern: re.Pattern[str], *, sure: bool) -> str:
    parts: list[str] = []
    done = at = 0
    while found := pattern.search(text, at):
        at = found.end()
        span = _span(text, found)
        if span is not None:
            start, end = span
            if sure and found.groupdict().get("weak") and end - start < SHORTEST_SURE:
                continue
            parts += [text[done:start], HIDDEN]
            done = at = end
    return "".join([*parts, text[done:]]) if parts else text


def _span(text: str, found: re.Match[str]) -> tuple[int, int] | None:
    """From where to where the secret stands that is assigned there; None where it is none."""
    groups = found.groupdict()
    start = found.end()
    opened = _OPENS.match(text, start)
    if opened is not None:
        start, end = opened.end(), _closing(text, opened.end(), opened["quote"])
        value = text[start:end]
        is_beside = groups.get("pair") is not None or (groups.get("said") or "").isspace()
        if is_beside and not (len(value) >= 8 and any(sign.isdigit() for sign in value)):
            return None  # Unexpected token '<'; ['token', 'create-room']
        if scheme := _SCHEME.match(value):
            value = value[scheme.end() :]
        return (start, end) if is_secret_value(value) else None
    separator = groups.get("sep") or groups.get("said") or ""
    if groups.get("cookie") or _WHOLE_LINE.match(text, start):
        run, word = _LINE.match(text, start), _RUN.match(text, start)
        return None if run is None or word is None or not is_secret_value(word[0]) else run.span()
    scheme = _SCHEME.match(text, start)
    value_at = start if scheme is None else scheme.end()
    inside = _RUN_IN_URL if separator.startswith("%") else _RUN
    run = inside.match(text, value_at)
    if run is None or not is_secret_value(run[0]):
        return None
    if scheme is None and _is_prose(run[0].rstrip(".:!?"), separator, weak=groups.get("weak") or ""):
        return None
    if groups.get("phrase"):
        run = _CLAUSE.match(text, value_at) or run
    return start, value_at + len(run[0].rstrip())


def _is_prose(value: str, separator: str, *, weak: str) -> bool:
    """Whether it is a word of a sentence, or a number of something, and no secret."""
    if separator.strip().lower() in ("is", "was"):
        return not (len(value) >= 6 and any(sign.isdigit() for sign in value))
    if not weak:
        return False
    if value.isdigit():
        return len(value) <= 6
    is_word = re.sub(r"[-_./:]", "", value).isalpha()
    if len(value) >= LONG_WORD and value.isalpha() and not value.endswith(("Error", "Exception")):
        return False
    return is_word and (":" in separator or separator.isspace() or weak.lower().endswith("auth"))


def _closing(text: str, start: int, quote: str) -> int:
    """Where the quote that was opened is closed; else the end of the line, or of what is looked at."""
    limit = min(len(text), start + LONGEST)
    line = text.find("\n", start, limit)
    limit = line if line >= 0 else limit
    at = text.find(quote, start, limit)
    while at >= 0:
        before = at
        while before > start and text[before - 1] == "\\":
            before -= 1
        escapes = at - before
        # in JSON in JSON a quote that is escaped once more is part of the value
        if escapes == 0 or ("\\" not in quote and quote[0] in "\"'`" and escapes % 2 == 0):
            return at
        at = text.find(quote, at + 1, limit)
    return limit
