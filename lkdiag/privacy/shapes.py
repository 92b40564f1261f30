"""What secrets look like: by their shape, by their randomness, and by the name that they are assigned to."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


HIDDEN = "***"


# Finds secrets by their look: what begins as the keys of a known service do, tokens, key blocks, URLs with passwords.
#
# The beginnings are those that the services document, and that gitleaks, detect-secrets and trufflehog look for. Each
# pattern is linear in the text's length: what it repeats can't begin anew inside what it has read.

START = r"(?:(?<![A-Za-z0-9])|(?<=%[0-9A-Fa-f][0-9A-Fa-f])|(?<=\\[nrt]))"
"""Where a word begins: also behind an escape of a URL (`%22`) or of JSON (`\\n`)."""

DISTINCT = (
    # clouds
    "AIza", "GOCSPX-", "ya29.", "dop_v1_", "doo_v1_", "dor_v1_", "HRKU-", "fo1_", "fm1r_", "fm2_", "pscale_tkn_",
    "pscale_pw_", "pscale_oauth_", "sbp_", "sb_secret_",
    # code and packages
    "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "gldt-", "glrt-", "glsoat-", "glcbt-", "glptt-",
    "gloas-", "glft-", "glimt-", "glagent-", "glffct-", "pypi-AgE", "rubygems_", "CLOJARS_", "AKCp", "ATATT3",
    "ATCTT3", "PMAK-", "sntrys_", "sntryu_", "glsa_", "glc_", "dp.pt.", "dp.st.", "dp.sa.", "sm_pat_",
    # secret stores
    "hvs.", "hvb.", "hvr.", "AGE-SECRET-KEY-", "ops_eyJ",
    # payment, mail, messages
    "sk_live_", "sk_test_", "rk_live_", "rk_test_", "pk_live_", "pk_test_", "whsec_", "shpat_", "shpca_", "shppa_",
    "shpss_", "sq0atp-", "sq0csp-", "FLWSECK", "xoxa-", "xoxb-", "xoxe-", "xoxe.", "xoxo-", "xoxp-",
    "xoxr-", "xoxs-", "xoxc-", "xoxd-", "xapp-", "xkeysib-", "lin_api_", "figd_", "shippo_live_", "dt0c01.",
    # models and voices
    "sk-ant-", "sk_car_", "sk-lf-", "lsv2_", "nvapi-", "pplx-", "tvly-", "api_org_", "AQVN",
)  # fmt: skip
"""No word, and no id of LiveKit's, begins like these."""
COMMON = (
    "hf_", "npm_", "gsk_", "xai-", "r8_", "ntn_", "secret_", "jina_", "csk-", "rpa_", "fw_", "pul-", "pnu_", "key-",
    "rdme_", "ico-", "oy2", "EAA", "sk_",
)  # fmt: skip
"""Words may begin like these: what follows has to look random, too."""

_DISTINCT = re.compile(rf"{START}(?:{'|'.join(map(re.escape, DISTINCT))})[\w.-]{{10,}}(?<![.-])", re.ASCII)
_COMMON = re.compile(rf"{START}(?:{'|'.join(map(re.escape, COMMON))})[A-Za-z0-9]{{20,}}")
_SK = re.compile(rf"{START}sk-[A-Za-z0-9_-]{{12,}}")
_JWT = re.compile(
    r"(?:(?<![\w-])|(?<=%[0-9A-Fa-f][0-9A-Fa-f])|(?<=\\[nrt]))eyJ[\w-]*\.[\w-]+(?:\.[\w-]*){0,3}", re.ASCII
)
_ODD = re.compile(
    rf"{START}(?:"
    r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{12,}|ABSK[A-Za-z0-9+/]{40,}=*"  # Amazon
    r"|LTAI[A-Za-z0-9]{12,}"  # Alibaba
    r"|dapi[0-9a-f]{32}"  # Databricks
    r"|SG\.[\w-]{16,}\.[\w-]{16,}"  # SendGrid
    r"|(?:EZAK|EZTK|ATBB)[A-Za-z0-9]{28,}"  # EasyPost, Bitbucket
    r"|SK[0-9a-f]{32}(?![0-9a-f])"  # Twilio
    r"|KEY0[0-9A-F]{30,}_\w{10,}"  # Telnyx
    r"|[0-9a-f]{32}-us\d{1,2}\b"  # Mailchimp
    r"|\d{8,10}(?::|%3A)AA[\w-]{32,}"  # Telegram
    r"|[MNO][\w-]{23,25}\.[\w-]{6}\.[\w-]{27,}"  # Discord
    r"|1//0[\w-]{20,}"  # Google, to refresh
    r"|re_[A-Za-z0-9]{8}_[A-Za-z0-9]{20,}"  # Resend
    r"|sha256~[\w-]{40,}"  # OpenShift
    r"|v1\.0-[0-9a-f]{24}-[0-9a-f]{100,}"  # Cloudflare
    r"|[A-Za-z0-9]{14}\.atlasv1\.[\w-]{40,}"  # Terraform
    r")"
    r"|(?:(?<![\w~.-])|(?<=%[0-9A-Fa-f][0-9A-Fa-f])|(?<=\\[nrt]))[\w~.-]{3}\dQ~[\w~.-]{31,34}(?![\w~])",  # Azure
    re.ASCII,
)
_KEY_BLOCK = re.compile(
    r"-----BEGIN(?:[ +]|%20)(?:[A-Z0-9]{2,12}(?:[ +]|%20)){0,3}PRIVATE(?:[ +]|%20)KEY(?:(?:[ +]|%20)BLOCK)?-----"
    r"(?:(?!-----END).)*(?:-----END[^-]{0,60}-----)?",
    re.DOTALL,
)
_PUTTY = re.compile(r"(?P<name>Private-Lines:\s*\d+\s)(?:[A-Za-z0-9+/=]+\s*)+")
_IN_URL = re.compile(r"(?P<name>://)[^\s/\"'<>?#]+(?=@)")
_IN_ENCODED_URL = re.compile(r"(?P<name>%3A%2F%2F)[^\s/@&\"'<>]{1,400}?(?=%40)", re.IGNORECASE)
_IN_SIP_URL = re.compile(
    r"(?P<name>\b(?:turn|stun|sip)s?:)[^\s@\"'/?:<>]{1,256}:[^\s@\"'/?;<>]{1,256}(?=@)", re.IGNORECASE
)
_IN_QUERY = re.compile(
    r"(?P<name>(?:[?&;]|%3F|%26)(?:x-(?:amz|goog)-(?:signature|credential|security-token)|signature|sig|hmac|code|key)"
    r"(?:=|%3D))[^&\s\"'<>#]{12,}",
    re.IGNORECASE,
)
_WEBHOOK = re.compile(
    r"(?P<name>hooks\.slack\.com/(?:services|workflows|triggers)/|discord(?:app)?\.com/api/webhooks/"
    r"|\.webhook\.office\.com/|outlook\.office(?:365)?\.com/webhook/|hooks\.zapier\.com/hooks/catch/"
    r"|api\.telegram\.org/bot|hook\.[\w.]{2,20}make\.com/|maker\.ifttt\.com/trigger/)[^\s\"'<>?]+",
    re.IGNORECASE,
)
_AUTHORIZATION = re.compile(
    r"(?P<name>\b(?P<scheme>bearer|basic|token|apikey)(?:\s{1,4}|%20))(?P<value>[\w+/.~:-]{8,}={0,2})", re.IGNORECASE
)

BASIC_MAX = 512
"""Characters of a user's name and password that are looked at."""


def without_shapes(text: str) -> str:
    """`text` with `***` for whatever looks like a secret for certain."""
    if "PRIVATE" in text:
        text = _KEY_BLOCK.sub(HIDDEN, text)
    if "Private-Lines" in text:
        text = _PUTTY.sub(_named, text)
    if "://" in text:
        text = _WEBHOOK.sub(_named, _IN_URL.sub(_named, text))
    if "%3" in text:
        text = _IN_ENCODED_URL.sub(_named, text)
    if "@" in text:
        text = _IN_SIP_URL.sub(_named, text)
    if "=" in text or "%3" in text:
        text = _IN_QUERY.sub(_named, text)
    if "eyJ" in text:
        text = _JWT.sub(HIDDEN, text)
    if any(beginning in text for beginning in DISTINCT):
        text = _DISTINCT.sub(_with(_is_long), text)
    if any(beginning in text for beginning in COMMON):
        text = _COMMON.sub(_with(_has_digit), text)
    if "sk-" in text:
        text = _SK.sub(_with(_has_digit), text)
    return _ODD.sub(HIDDEN, text)


def without_schemes(text: str) -> str:
    """`text` with `***` for what a header says after `Bearer`, `Basic` or `Token`, where the header is not named."""
    return _AUTHORIZATION.sub(_scheme, text)


def _named(found: re.Match[str]) -> str:
    return f"{found['name']}{HIDDEN}"


def _with(condition: Callable[[str], bool]) -> Callable[[re.Match[str]], str]:
    return lambda found: HIDDEN if condition(found[0]) else found[0]


def _is_long(text: str) -> bool:
    return len(text) >= 16


def _has_digit(text: str) -> bool:
    return any(sign.isdigit() for sign in text)


def _scheme(found: re.Match[str]) -> str:
    """`Bearer abc123…`, `Basic` with a name and a password, `Token` with a key; not "basic authentication"."""
    value, scheme = found["value"], found["scheme"].lower()
    if scheme == "basic":
        hides = _is_name_and_password(value)
    else:
        hides = _has_digit(value) and (scheme == "bearer" or len(value) >= 20)
    return _named(found) if hides else found[0]


def _is_name_and_password(value: str) -> bool:
    if len(value) > BASIC_MAX:
        return True
    try:
        return b":" in base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return False


# Finds texts that only a machine makes up, and what is hidden in base 64.
#
# LiveKit's API secrets and TURN passwords are 43 or 44 characters of base 62 (livekit-server, cmd/server/commands.go,
# generateKeys; pkg/service/turn.go); passwords of TURN's REST API are 28 characters of base 64; a key block has lines
# of 64 (RFC 7468) or 76 characters of base 64 (RFC 2045).

_LONG_RUN = re.compile(
    # what stands behind an escape of a URL or of JSON begins behind the whole escape
    r"(?P<escape>(?<=%)[0-9A-Fa-f]{2}|(?<=\\)[nrt])?(?P<run>[A-Za-z0-9+/_-]{20,}={0,2})"
)
_PIECE = re.compile(r"[A-Za-z0-9]+")
_PIECE_LENGTHS = range(40, 89)
_KEY_LINES = frozenset({64, 70, 76})
"""Characters of a line of a key: of PEM, of OpenSSH, of MIME."""
_HASH = re.compile(r"sha\d{1,3}-", re.IGNORECASE)
_HASH_BEFORE = re.compile(r"sha\d{1,3}[:=]$", re.IGNORECASE)


def without_guessed(text: str) -> str:
    """`text` with `***` for whatever looks made up by a machine, and is no id of LiveKit's and no hash."""
    return _LONG_RUN.sub(_guessed, text)


def without_encoded(text: str, scrubbed: Callable[[str], str]) -> str:
    """`text` with `***` for every piece of base 64 in which `scrubbed` finds something."""

    def judge(found: re.Match[str]) -> str:
        decoded = _decoded(found["run"])
        clean = decoded is None or scrubbed(decoded) == decoded
        return found[0] if clean else f"{found['escape'] or ''}{HIDDEN}"

    return _LONG_RUN.sub(judge, text)


def _guessed(found: re.Match[str]) -> str:
    run, escape = found["run"], found["escape"] or ""
    if len(run) < 28 or not _is_mixed(run):
        return found[0]
    before = found.string[max(0, found.start() - 8) : found.start()]
    if _HASH.match(run) or _HASH_BEFORE.search(before):
        return found[0]
    body = run.rstrip("=")
    if "-" not in run and "_" not in run:
        is_password = len(run) - len(body) == 1 and len(body) in (27, 43)
        if is_password or (len(run) in _KEY_LINES and _is_key_line(found)):
            return f"{escape}{HIDDEN}"
    return escape + _PIECE.sub(_piece, run)


def _piece(found: re.Match[str]) -> str:
    return HIDDEN if len(found[0]) in _PIECE_LENGTHS and _is_mixed(found[0]) else found[0]


def _is_mixed(text: str) -> bool:
    """Capitals, small letters, and two digits: no word and no id has so many of them in one piece."""
    return text != text.lower() and text != text.upper() and sum(sign.isdigit() for sign in text) >= 2


def _is_key_line(found: re.Match[str]) -> bool:
    """Whether it has the letters of chance, and nothing stands beside it that belongs to a path or a name."""
    run, text = found["run"], found.string
    if text[found.end() : found.end() + 1] in (".", "@", ":") or text[max(0, found.start() - 1) : found.start()] == ".":
        return False
    return sum(map(str.isupper, run)) >= 8 and sum(map(str.islower, run)) >= 8 and sum(map(str.isdigit, run)) >= 3


def _decoded(run: str) -> str | None:
    body = run.rstrip("=").replace("-", "+").replace("_", "/")
    if len(body) % 4 == 1:
        return None
    try:
        text = base64.b64decode(body + "=" * (-len(body) % 4)).decode("ascii")
    except (binascii.Error, ValueError):
        return None
    return text if len(text) >= 8 and text.replace("\n", "").replace("\r", "").replace("\t", "").isprintable() else None


# Finds secrets by the name that is given to them: `password=…`, `"apiSecret": "…"`, `Authorization: …`, `--token …`.
#
# Names are found by a pattern, and what is assigned to them is read by hand: in any depth of JSON in JSON, quoted for a
# URL, as Python, YAML, XML or a header. A value that is no secret (`token: expired`, `password=None`) stays.

LONG_WORD = 16
"""Letters. A longer word behind `token:` is no word of a sentence."""
SHORTEST_SURE = 12
"""Characters of a value that is certainly a secret, though its name is vague."""
LONGEST_VALUE = 8_192
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
    limit = min(len(text), start + LONGEST_VALUE)
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
