"""What is said of two runs: whole outputs, the words, and the exit code's ground."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from lkdiag.cli.compare import exit_code_of
from lkdiag.compare import compare
from lkdiag.compare.measure import about, chance
from lkdiag.compare.value import Result
from lkdiag.contract import Outcome
from lkdiag.document.compare import for_issue, for_terminal
from lkdiag.errors import UsageError
from lkdiag.render import markdown, terminal
from lkdiag.render.json import render_value

from .runs import a_call, a_run, a_teardown

if TYPE_CHECKING:
    from lkdiag.compare import Comparison

FAST = tuple(200.0 + 5 * number for number in range(40))
SLOW = tuple(500.0 + 5 * number for number in range(40))
NO_DIFFERENCE = "No difference that chance alone would not make."


def shown(found: Comparison, width: int | None = None) -> str:
    """In a pipe, or in a terminal of that width."""
    text = io.StringIO()
    piped = terminal.make_console(text, is_terminal=False)
    terminal.write(
        for_terminal(found), piped if width is None else Console(file=text, width=width, height=50, markup=False)
    )
    return text.getvalue()


def render_markdown(found: Comparison) -> str:
    return markdown.write(for_issue(found))


def render_json(found: Comparison) -> str:
    return render_value(found, "schema", "kind", "result", "headline")


def said(found: Comparison) -> dict[str, str]:
    sentences = {one.name: one.sentence for one in found.rates}
    return sentences if found.latency is None else {**sentences, "latency": found.latency.sentence}


def a_pair() -> Comparison:
    return compare(
        a_run("before", delays=FAST[:34], lost=6, unjudged=2),
        a_run("after", delays=FAST[:39], lost=1, options={"method": "token", "timeout_s": 10.0}),
    )


FIGURES = """\
               A               B                B − A (95 %)
  ──────────────────────────────────────────────────────────────────────────
  judged       40              40
  left out     2 inconclusive  –
  lost         6 of 40 (15 %)  1 of 40 (2.5 %)  −12.5 points (−26.7 to +0.6)
  latency p50  282 ms          295 ms           +12 ms
  latency p95  357 ms          380 ms           +24 ms
  latency max  365 ms          390 ms           +25 ms
  shift                                         0 ms (−35 ms to +25 ms)
"""


def test_whole_output_in_a_pipe() -> None:
    assert (
        shown(a_pair())
        == f"""\
lkdiag compare
  A  before, 2026-11-21 04:18:54 – 04:20:54 UTC, lkdiag's probe
     lkdiag dispatch-trial --local
  B  after, 2026-11-21 04:18:54 – 04:20:54 UTC, lkdiag's probe
     lkdiag dispatch-trial --local

What differs
           A            B
  ───────────────────────────
  timeout  20 s         10 s
  method   create-room  token

Beware
  !  timeout differs (20 s against 10 s): lost means something else in each; delays are compared up to the shorter one

Figures
{FIGURES}\
  Percentiles are of the agents that came; for the shift, a lost one took longer than any.

What can be said
  lost        = B loses fewer: 1 of 40 against 6 of 40; chance alone does so in 6 of 100 such pairs. 40 trials can't \
tell; about 80 each could.
  latency     = About as fast: of one agent each, B's comes first in 51 of 100 pairs.

= {NO_DIFFERENCE}
"""
    )


@pytest.mark.parametrize("width", [80, 200])
def test_the_figures_fit_a_terminal(width: int) -> None:
    text = shown(a_pair(), width)
    assert FIGURES in text
    assert max(map(len, text.splitlines())) <= width


def test_narrow_terminals_get_blocks() -> None:
    text = shown(a_pair(), 50)
    assert "  lost\n    A             6 of 40 (15 %)\n    B             1 of 40 (2.5 %)\n" in text
    assert max(map(len, text.splitlines())) <= 50


def test_whole_markdown() -> None:
    assert (
        render_markdown(compare(a_run("a", delays=FAST[:20]), a_run("b", delays=SLOW[:16], lost=4)))
        == """\
## lkdiag compare: ✗ B is worse than A.

- **lost**: B loses more: 4 of 20 against 0 of 20; chance alone does so in 53 of 1,000 such pairs. 20 trials \
can't tell; about 35 each could.
- **latency**: B is slower, by 302 ms: of one agent each, B's comes last in every pair; chance alone does so in fewer \
than 1 of 1,000 such pairs.

|  | A | B | B − A (95 %) |
| --- | --- | --- | --- |
| judged | 20 | 20 |  |
| lost | 0 of 20 (0 %) | 4 of 20 (20 %) | \\+20 points (−0.1 to +41.6) |
| latency p50 | 248 ms | 538 ms | \\+290 ms |
| latency p95 | 290 ms | 571 ms | \\+281 ms |
| latency max | 295 ms | 575 ms | \\+280 ms |
| shift |  |  | \\+302 ms (+280 ms to +330 ms) |

Percentiles are of the agents that came; for the shift, a lost one took longer than any.

### Runs

- A: a, 2026-11-21 04:18:54 – 04:20:54 UTC, lkdiag's probe: `lkdiag dispatch-trial --local`
- B: b, 2026-11-21 04:18:54 – 04:20:54 UTC, lkdiag's probe: `lkdiag dispatch-trial --local`
"""
    )


def test_json_has_the_contract() -> None:
    found = json.loads(render_json(a_pair()))
    assert list(found) == [
        "schema", "kind", "result", "headline", "a", "b", "differences", "warnings", "rates", "latency", "grid",
        "alpha",
    ]  # fmt: skip
    assert found["schema"] == "lkdiag.compare/1"
    assert found["result"] == "no-difference"
    assert found["rates"][0]["difference"] == {"value": -0.125, "low": -0.2672, "high": 0.0057}
    assert found["rates"][0]["p_value"] == 0.0601
    assert found["rates"][0]["trials_to_tell"] == 80
    assert found["a"]["left_out"] == {"inconclusive": 2}
    assert found["latency"]["watched_ms"] == 10000


def test_too_few_trials_say_how_many_would_do() -> None:
    found = compare(a_run("a", delays=FAST[:19], lost=1), a_run("b", delays=FAST[:17], lost=3))
    assert said(found)["lost"] == (
        "B loses more: 3 of 20 against 1 of 20; chance alone does so in 36 of 100 such pairs. "
        "20 trials can't tell; about 140 each could."
    )
    assert exit_code_of(found) == 0


def test_better_is_no_failure() -> None:
    found = compare(a_run("a", delays=FAST[:30], lost=10), a_run("b", delays=FAST))
    assert found.result is Result.BETTER
    assert (
        said(found)["lost"]
        == "B loses fewer: 0 of 40 against 10 of 40; chance alone does so in fewer than 1 of 1,000 such pairs."
    )
    assert exit_code_of(found) == 0


def test_slower_is_worse_though_nothing_is_lost() -> None:
    found = compare(a_run("a", delays=FAST), a_run("b", delays=SLOW))
    assert found.headline == "B is worse than A."
    assert said(found) == {
        "lost": "Neither lost an agent: 0 of 40 and 0 of 40; a difference of 8.8 points could have stayed unseen.",
        "latency": "B is slower, by 300 ms: of one agent each, B's comes last in every pair; "
        "chance alone does so in fewer than 1 of 1,000 such pairs.",
    }
    assert exit_code_of(found) == 1


def test_leaving_out_the_lost_ones_would_turn_it_round() -> None:
    """B's agents are a bit faster when they come, and most of them don't."""
    found = compare(a_run("a", delays=tuple(d + 5 for d in FAST)), a_run("b", delays=FAST[:15], lost=25))
    assert found.latency is not None
    assert found.latency.result is Result.WORSE


def test_worse_in_one_thing_and_better_in_another() -> None:
    found = compare(a_run("a", delays=FAST[:30], lost=10), a_run("b", delays=tuple(d + 2000 for d in FAST)))
    assert found.headline == "B is worse in one thing and better in another."
    assert exit_code_of(found) == 1


def test_contradictions_are_a_measure_where_there_are_any() -> None:
    found = compare(a_run("a", delays=FAST), a_run("b", delays=FAST, contradicting=12))
    assert said(found)["mismatch"].startswith("B contradicts itself more often: 12 of 40 against 0 of 40;")
    assert found.result is Result.WORSE
    assert "mismatch" not in said(a_pair())


def test_alpha_is_how_much_chance_is_put_up_with() -> None:
    runs = a_run("a", delays=FAST[:34], lost=6), a_run("b", delays=FAST[:39], lost=1)
    assert compare(*runs).rates[0].result is Result.NO_DIFFERENCE
    assert compare(*runs, alpha=0.07).rates[0].result is Result.BETTER


# -- ugly runs ----------------------------------------------------------------------------------------------------


def test_the_same_run_twice() -> None:
    run = a_run("a", delays=FAST[:30], lost=10)
    found = compare(run, run)
    assert found.warnings == ("A and B are the same run",)
    assert found.differences == ()
    assert found.headline == NO_DIFFERENCE
    assert said(found)["latency"] == "Neither is faster."
    assert exit_code_of(found) == 0


@pytest.mark.parametrize(
    ("unjudged", "without"),
    [((0, 0), "neither run has a trial"), ((3, 0), "neither run has a trial"), ((0, 5), "neither run has a trial")],
)
def test_runs_without_a_judged_trial(unjudged: tuple[int, int], without: str) -> None:
    found = compare(a_run("a", unjudged=unjudged[0]), a_run("b", unjudged=unjudged[1]))
    assert said(found)["lost"] == f"Can't be compared: {without} that could be judged."
    assert exit_code_of(found) == 3
    assert shown(found)
    assert render_markdown(found)
    assert render_json(found)


def test_one_run_without_a_judged_trial() -> None:
    assert "A has no trial" in said(compare(a_run("a"), a_run("b", delays=FAST)))["latency"]
    assert "B has no trial" in said(compare(a_run("a", delays=FAST), a_run("b", unjudged=4)))["lost"]


def test_so_few_that_nothing_could_have_told() -> None:
    found = compare(a_run("a", delays=FAST[:2]), a_run("b", lost=2))
    assert said(found)["lost"] == "2 of 2 against 0 of 2: so few trials can't tell, whatever comes out."
    assert exit_code_of(found) == 3


def test_all_lost_in_both() -> None:
    found = compare(a_run("a", lost=20), a_run("b", lost=20))
    assert found.headline == NO_DIFFERENCE
    assert said(found)["lost"].startswith("As often in B as in A: 20 of 20 against 20 of 20;")


def test_late_agents_beyond_the_shorter_timeout_count_as_lost_in_both() -> None:
    late = tuple(d + 6000 for d in FAST)
    found = compare(a_run("a", delays=late), a_run("b", lost=40, options={"timeout_s": 5.0}))
    assert found.latency is not None
    assert (found.latency.lost_a, found.latency.lost_b, found.latency.slower) == (40, 40, 0.5)
    assert "timeout differs (20 s against 5 s)" in found.warnings[0]


def test_what_makes_it_unfair_comes_first() -> None:
    a = a_run("a", delays=FAST)
    b = a_run("b", delays=FAST, options={"warmup": 3, "caller": "join", "concurrency": 5, "seed": 9}, interrupted=True)
    b = replace(b, environment=replace(b.environment, subject="my-agent", python="3.13.1"))
    found = compare(a, b)
    assert [(one.name, one.unfair is not None) for one in found.differences] == [
        ("subject", True), ("caller", True), ("warmup", True), ("concurrency", False), ("Python", False),
    ]  # fmt: skip
    assert found.warnings[0].startswith("subject differs (lkdiag's probe against my-agent): lkdiag's own worker")
    assert "concurrency and Python differ at once: which of them made a difference, can't be told" in found.warnings
    assert found.warnings[-1] == "B was interrupted: it has fewer trials than were planned"


def test_two_kinds_have_nothing_to_compare() -> None:
    with pytest.raises(UsageError, match="A is a dispatch run and B a teardown run"):
        compare(a_run("a", delays=FAST), a_teardown([]))


def test_control_trials_are_not_compared() -> None:
    run = a_run("a", delays=FAST)
    control = replace(run.trials[0], role="control", outcome=Outcome.DROPPED, latency_ms=None)
    assert compare(run, replace(run, trials=(*run.trials, *[control] * 40))).b.judged == 40


# -- teardowns ----------------------------------------------------------------------------------------------------

CELLS = [("off", exit_, side) for exit_ in ("session-closed", "left-room", "crashed") for side in ("caller", "human")]


def test_teardowns_are_compared_cell_by_cell() -> None:
    a = a_teardown([a_call(*cell, closed_ms=100.0) for cell in CELLS for _ in range(2)])
    b = a_teardown([a_call(*cell, closed_ms=None) for cell in CELLS[:5] for _ in range(2)])
    found = compare(a, b)
    assert said(found) == {
        "left-open": "B leaves more rooms open: 10 of 10 against 0 of 10; "
        "chance alone does so in fewer than 1 of 1,000 such pairs."
    }
    assert found.warnings[-1] == "1 cell of the grid in one run only: left out of the rates"
    assert exit_code_of(found) == 1
    text = shown(found)
    assert "  off      session-closed  caller    2 closed (100 ms)  2 leftover\n" in text
    assert "  1 cell played in A only\n" in text
    assert "| off | session-closed | caller | 2 closed (100 ms) | 2 leftover |" in render_markdown(found)


def test_cells_of_different_kinds_do_not_speak_against_each_other() -> None:
    """Each run leaves what it leaves in the same cells: no difference, however many of each there are."""
    a = a_teardown([a_call(*CELLS[0], closed_ms=None)] * 10 + [a_call(*CELLS[1], closed_ms=9.0)] * 10)
    b = a_teardown([a_call(*CELLS[0], closed_ms=None)] * 40 + [a_call(*CELLS[1], closed_ms=9.0)] * 10)
    found = compare(a, b)
    assert found.rates[0].p_value == 1.0
    assert found.result is not Result.WORSE
    assert said(found)["left-open"].startswith("As often in B as in A")
    assert "2 cells alike in both" in shown(found)


def test_how_the_users_agent_left_is_no_other_cell() -> None:
    """It was not chosen: that it stays in one run, and leaves in the other, may be what made the difference."""
    a = a_teardown([a_call("subject", "stays", "caller", closed_ms=1500.0)] * 10)
    b = a_teardown(
        [a_call("subject", "left-room", "caller", closed_ms=None)] * 9
        + [a_call("subject", "stays", "caller", closed_ms=1700.0)]
    )
    found = compare(a, b)
    assert said(found)["left-open"].startswith("B leaves more rooms open: 9 of 10 against 0 of 10;")
    (cell,) = found.grid
    assert (cell.agent_exit, cell.a, cell.b) == ("as seen", {"closed": 10}, {"leftover": 9, "closed": 1})
    assert (cell.closed_ms_a, cell.closed_ms_b) == (1500.0, 1700.0)


def test_no_cell_in_common() -> None:
    found = compare(a_teardown([a_call(*CELLS[0], closed_ms=1.0)]), a_teardown([a_call(*CELLS[1], closed_ms=1.0)]))
    assert said(found)["left-open"] == "Can't be compared: the runs have no kind of trial in common."
    assert exit_code_of(found) == 3
    assert shown(found)


def test_rooms_closed_late_are_a_measure_where_there_are_any() -> None:
    a = a_teardown([a_call(*cell, closed_ms=100.0) for cell in CELLS for _ in range(2)])
    b = a_teardown([a_call(*cell, closed_ms=7000.0) for cell in CELLS for _ in range(2)])
    assert said(compare(a, b))["not-closed-in-time"].startswith("B closes fewer in time: 12 of 12 against 0 of 12;")


# -- words --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("p_value", "words"),
    [
        (1.0, "99 of 100"),
        (0.36, "36 of 100"),
        (0.0104, "1 of 100"),
        (0.053, "53 of 1,000"),
        (0.0042, "4 of 1,000"),
        (0.0002, "fewer than 1 of 1,000"),
    ],
)
def test_chance(p_value: float, words: str) -> None:
    assert chance(p_value) == f"{words} such pairs"


@pytest.mark.parametrize(("trials", "words"), [(7, "7"), (86, "86"), (141, "140"), (1234, "1,200")])
def test_about(trials: int, words: str) -> None:
    assert about(trials) == f"about {words}"
