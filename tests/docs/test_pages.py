"""The documentation pages: one for each name that lkdiag can print, and none that says what the code does not."""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import lkdiag.judge.checks
from lkdiag.contract import Cause, CheckSlug, Fallback, Mismatch, Outcome, TeardownOutcome
from lkdiag.doctor.checks import credentials, network, server
from lkdiag.doctor.table import CHECKS
from lkdiag.errors import UsageError
from lkdiag.facts import observation as sight
from lkdiag.facts import validity as fitness
from lkdiag.facts import webhooks
from lkdiag.judge import call as teardown_outcome
from lkdiag.judge.causes import late, log, probe
from lkdiag.judge.checks import client_blind, cold_start, control_comparison, webhook_late
from lkdiag.pages import DOCTOR, Page, find_page, folder, read_pages
from lkdiag.run import preflight
from lkdiag.scenario.call import TeardownScenario
from lkdiag.scenario.dispatch import DispatchScenario

PARTS = ("What it means", "How to tell", "What to do")
LINK = re.compile(r"https://[^\s<>)\"';`]+")
ROOT = Path(__file__).parents[2]
JOURNALS = ROOT / "tests" / "journals" / "scenarios"


def good() -> set[str]:
    return {Outcome.DELIVERED, TeardownOutcome.CLOSED, Fallback.NOT_NEEDED, Fallback.OFF}


def printed() -> set[str]:
    """Every name that a report or the doctor may print, and that isn't plainly good."""
    words = {str(word) for kind in (CheckSlug, Outcome, TeardownOutcome, Mismatch, Fallback, Cause) for word in kind}
    return (words | {check.slug for check in CHECKS}) - good()


def page_names() -> list[str]:
    return [name for page in read_pages() for name in (page.name, *page.also)]


def links(texts: list[str]) -> set[str]:
    return {link.rstrip(".,") for text in texts for link in LINK.findall(text)}


def code() -> list[str]:
    paths = [*(ROOT / "lkdiag").rglob("*.py"), *(ROOT / "scenarios").glob("*.toml")]
    return [path.read_text() for path in paths]


def test_each_name_has_one_page_and_each_page_a_name() -> None:
    names = page_names()
    assert len(names) == len(set(names))
    # the page about the fallback stands for its three results, and one holds the doctor's
    assert set(names) == printed() | {"fallback", DOCTOR}


def test_each_check_of_the_doctor_in_its_order() -> None:
    named = [page.name for page in read_pages() if page.group == DOCTOR and page.name != DOCTOR]
    assert named == [check.slug for check in CHECKS]


@pytest.mark.parametrize("page", [p for p in read_pages() if p.name != DOCTOR], ids=lambda page: page.name)
def test_a_page_has_its_three_parts_and_fits_a_screen(page: Page) -> None:
    if page.group == DOCTOR:
        assert re.findall(r"^- \*\*([^*]+)\.\*\*", page.text, re.MULTILINE) == list(PARTS)
    else:
        assert tuple(re.findall(r"^## (.+)$", page.text, re.MULTILINE)) == PARTS
    assert len(page.text.splitlines()) <= 40
    assert max(map(len, page.text.splitlines())) <= 120


def test_every_link_is_one_that_the_code_names() -> None:
    assert links([page.text for page in read_pages()]) <= links(code())


def test_the_page_of_a_check_has_its_reference() -> None:
    for module in pkgutil.walk_packages(lkdiag.judge.checks.__path__, "lkdiag.judge.checks."):
        check = importlib.import_module(module.name)
        if hasattr(check, "SLUG") and hasattr(check, "REFERENCE"):
            assert check.REFERENCE in find_page(check.SLUG).text


@pytest.mark.parametrize("page", [page for page in read_pages() if "See it: " in page.text], ids=lambda page: page.name)
def test_what_is_to_be_seen_was_seen_there(page: Page) -> None:
    """In the report of a recorded run of each scenario to which it sends."""
    shown = page.text.partition("See it: ")[2].partition("Upstream:")[0]
    for scenario in re.findall(r"lkdiag run ([\w-]+)", shown):
        report = (JOURNALS / f"{scenario}.report.json").read_text()
        assert any(f'"{name}"' in report for name in (page.name, *page.also))


DEFAULTS = DispatchScenario(), TeardownScenario()
NUMBERS = [
    ("dropped", f"`--timeout` ({DEFAULTS[0].timeout_s:g} s"),
    ("delayed", f"`--delayed-after` ({DEFAULTS[0].delayed_after_s:g} s)"),
    ("false-running", f"`--settle` ({DEFAULTS[0].settle_s:g} s)"),
    ("unreported", f"for {DEFAULTS[0].settle_s:g} s (`--settle`)"),
    ("unreported", f"only {sight.LISTING_LAG_S:g} s after the dispatch"),
    ("fallback", f"`--fallback-timeout` ({DEFAULTS[0].fallback_timeout_s:g} s)"),
    ("leftover", f"`--window`, {DEFAULTS[1].window_s:g} s"),
    ("leftover", f"more than {teardown_outcome.STALL_SHARE_MAX:.0%}".replace("%", " %")),
    ("slow-close", f"`--closed-within` ({DEFAULTS[1].closed_within_s:g} s)"),
    ("cleanup-never-ran", f"`--agent-leaves-within` ({DEFAULTS[1].agent_leaves_within_s:g} s)"),
    ("not-fit", f"more than {fitness.STALL_SHARE_MAX:.0%}".replace("%", " %")),
    ("not-fit", f"out of sight for more than {fitness.GAP_MAX_MS / 1000:g} s"),
    ("not-fit", f"by more than {fitness.SERVER_CLOCKS_MAX_MS / 1000:g} s"),
    ("client-blind", f"active for {client_blind.NEWS_S:g} s"),
    ("webhook-missing", f"had not come {webhooks.PATIENCE_S:g} s later"),
    ("webhook-late", f"{webhook_late.LATE_MS / 1000:g} s or more after"),
    ("cold-start", f"by {cold_start.SLOWER_MS / 1000:g} s and more"),
    ("cold-start", f"up to {cold_start.CHANCE_MAX * 100:g}"),
    ("control-comparison", f"at most {control_comparison.LIKELY * 100:g} % of"),
    ("worker-silent", f"waits {probe.ANSWER_MAX_S:g} s"),
    ("worker-answered-late", f"more than {probe.ANSWER_MAX_S:g} s later"),
    ("worker-answered-late", f"within {probe.ANSWER_MARGIN_S:g} s of that limit"),
    ("assignment-lost", f"within {probe.ANSWER_MAX_S:g} s"),
    ("assignment-lost", f"for {log.ASSIGNMENT_NS / 1e9:g} s after the request"),
    ("slow-answer", f"from {late.USUAL_MS[late.ANSWER] / 1000:g} s on"),
    ("slow-answer", f"More than {probe.ANSWER_MAX_S:g} s after the offer"),
    ("slow-platform", f"from {late.USUAL_MS[late.PLATFORM] / 1000:g} s on"),
    ("slow-join", f"from {late.USUAL_MS[late.JOIN] / 1000:g} s on"),
    ("key", f"less than {credentials.SECRET_MIN} characters"),
    ("tcp", f"within {network.CONNECT_WITHIN_S:g} s"),
    ("tls", f"less than {network.SOON_DAYS} days"),
    ("clock", f"{network.AHEAD_MAX_S:g} s ahead"),
    ("clock", f"{preflight.BEHIND_MAX_S / 3600:g} hours behind"),
    ("clock", f"From {preflight.SKEW_MAX_S:g} s on"),
    ("agent", f"From {server.DELAYED_AFTER_MS / 1000:g} s on"),
    ("round-trip", f"later than {server.DELAYED_AFTER_MS / 1000:g} s"),
    *(("server", ".".join(map(str, since))) for since, _ in server.SINCE),
]


@pytest.mark.parametrize(("name", "words"), NUMBERS, ids=lambda value: value)
def test_a_number_on_a_page_is_the_codes(name: str, words: str) -> None:
    assert words in " ".join(find_page(name).text.split())


def test_no_page_has_the_ten_seconds_that_the_server_does_not_wait() -> None:
    """AssignJobTimeout says 10 s, and an answer after 2.8 s is too late (measured)."""
    for name in ("worker-silent", "worker-answered-late", "assignment-lost", "slow-answer"):
        assert "10 s" not in find_page(name).text


def test_the_pages_are_in_the_wheel() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    for path in ("causes", "doctor.md", "failures"):
        assert f'"docs/{path}" = "lkdiag/_docs/{path}"' in text
    assert folder() == ROOT / "docs"


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    for given, near in (("false-runing", "false-running"), ("fals", "false-running")):
        with pytest.raises(UsageError, match=f"did you mean {near}"):
            find_page(given)
