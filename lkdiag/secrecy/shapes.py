"""Finds secrets by their look: what begins as the keys of a known service do, tokens, key blocks, URLs with passwords.

The beginnings are those that the services document, and that gitleaks, detect-secrets and trufflehog look for. Each
pattern is linear in the text's length: what it repeats can't begin anew inside what it has read.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING

from lkdiag.secrecy.mask import HIDDEN

if TYPE_CHECKING:
    from collections.abc import Callable

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
_SCHEME = re.compile(
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
    return _SCHEME.sub(_scheme, text)


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
