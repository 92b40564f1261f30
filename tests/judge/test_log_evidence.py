"""What a worker's log adds to a trial without an agent: what it proves, and what it does not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from lkdiag.contract import Cause
from lkdiag.judge.context import RunContext

from .lost import UNSEEN, WAITS, causes, diagnosis, lost, rescued
from .story import NAME, Story, dispatch, job, summary_of

if TYPE_CHECKING:
    from collections.abc import Callable


class TestWorkerLog:
    """What the worker says of itself narrows it down, where it can be believed."""

    def logged(
        self, *, first: float = -60_000, last: float = 60_000, sdk: str = "node", name: str | None = NAME
    ) -> Story:
        return (
            lost()
            .log(first, last, sdks=[sdk])
            .logged(-50_000, "registered", worker_id="AW_1", agent_name=name)
            .closed(20_200)
        )

    @pytest.mark.parametrize(
        ("lines", "expected"),
        [
            (
                ["received-request"],
                {Cause.WORKER_SILENT, Cause.WORKER_ANSWERED_LATE, Cause.WORKER_DECLINED, Cause.ASSIGNMENT_LOST},
            ),
            (["received-request", "rejected"], {Cause.WORKER_DECLINED}),
            (["received-request", "assignment-lost"], {Cause.ASSIGNMENT_LOST, Cause.WORKER_ANSWERED_LATE}),
            (["received-request", "accepted"], {Cause.WORKER_NEVER_JOINED}),
        ],
    )
    def test_it_saw_the_request(self, lines: list[str], expected: set[Cause]) -> None:
        story = self.logged()
        for at, what in enumerate(lines):
            story.logged(210 + at, what, trial=True, job_id="AJ_1", dispatch_id="AD_1", worker_id="AW_1")
        assert causes(story) == expected

    def test_it_was_full(self) -> None:
        story = self.logged().logged(-3_000, "full", worker_id="AW_1", load=0.91, threshold=0.7)
        assert causes(story) == {Cause.WORKER_FULL}
        assert "load 0.91" in " ".join(diagnosis(story).speaks_for)

    def test_it_was_full_only_about_that_time(self) -> None:
        story = self.logged().logged(-3_000, "full", worker_id="AW_1").logged(300, "available-again", worker_id="AW_1")
        assert {Cause.WORKER_FULL, Cause.LOST_BEFORE_WORKER} <= causes(story)

    def test_it_had_lost_the_server(self) -> None:
        assert causes(self.logged().logged(-3_000, "disconnected", worker_id="AW_1")) == {Cause.NO_WORKER}

    def test_it_never_saw_a_request_that_it_would_have_logged(self) -> None:
        story = self.logged().logged(30_000, "received-request", job_id="AJ_9", room="another", worker_id="AW_1")
        assert causes(story) == {Cause.LOST_BEFORE_WORKER} | WAITS

    @pytest.mark.parametrize(
        "story",
        [
            lambda self: self.logged(),  # it logs no requests at all
            lambda self: self.logged(last=1_000).logged(-9_000, "received-request", job_id="AJ_9"),  # it ends too soon
            lambda self: self.logged(first=-100).logged(30_000, "received-request", job_id="AJ_9"),
        ],
    )
    def test_a_silence_that_proves_nothing(self, story: Callable[[TestWorkerLog], Story]) -> None:
        assert causes(story(self)) == UNSEEN - {Cause.WRONG_NAME}

    def test_the_fallback_s_request_is_not_the_dispatch_s(self) -> None:
        story = rescued().log(sdks=["node"]).logged(-50_000, "registered", worker_id="AW_probe")
        story.logged(20_360, "received-request", trial=True, job_id="AJ_2", worker_id="AW_probe")
        assert causes(story) == {Cause.LOST_BEFORE_WORKER}

    def test_another_worker_s_log(self) -> None:
        """The fallback's agent came from a worker that this log knows nothing of."""
        story = rescued().log(worker_ids=["AW_1"]).logged(-50_000, "registered", worker_id="AW_1")
        story.logged(30_000, "received-request", job_id="AJ_9", worker_id="AW_1")
        assert Cause.WORKER_SILENT in causes(story)

    def test_why_a_job_that_was_taken_came_to_nothing(self) -> None:
        ghost = lost(until=26_200).listed(210, dispatch("AD_1", job())).closed(26_300).log()
        ghost.logged(10_300, "not-connected", trial=True, job_id="AJ_1")
        assert causes(ghost) == {Cause.WORKER_NEVER_JOINED}
        assert "not-connected" in " ".join(diagnosis(ghost).speaks_for)


class TestAPythonWorkersSilence:
    """It refuses without a line while it is full, whatever its last word on its load: py-slowaccept, trial 11."""

    def silent(self, *, sdk: str = "python", **options: Any) -> Story:
        story = lost(**options).log(sdks=[sdk]).logged(-50_000, "registered", worker_id="AW_1", agent_name=NAME)
        return story.logged(30_000, "received-request", job_id="AJ_9", worker_id="AW_1").closed(20_200)

    def test_it_may_have_been_full_as_well(self) -> None:
        assert causes(self.silent()) - WAITS == {Cause.WORKER_FULL, Cause.LOST_BEFORE_WORKER}
        assert diagnosis(self.silent()).causes[0] is Cause.WORKER_FULL
        assert causes(self.silent(sdk="node")) - WAITS == {Cause.LOST_BEFORE_WORKER}

    def test_a_log_of_unknown_make_proves_no_more(self) -> None:
        story = lost().log().logged(-50_000, "registered", worker_id="AW_1", agent_name=NAME)
        story.logged(30_000, "received-request", job_id="AJ_9", worker_id="AW_1").closed(20_200)
        assert Cause.WORKER_FULL in causes(story)

    def test_beside_other_trials_one_at_a_time_would_tell(self) -> None:
        alone = self.silent().judge()
        other = Story(index=2).looks(5, 9_000).closed(9_100).judge()
        together = replace(alone, context=RunContext(map(summary_of, (alone, other))))
        assert together.diagnosis is not None
        assert any("-c 1" in said for said in together.diagnosis.would_tell)
        assert not any("-c 1" in said for said in diagnosis(self.silent()).would_tell)

    def test_where_the_control_loses_its_dispatches_too_the_platform_comes_first(self) -> None:
        alone = self.silent().judge()
        control = lost(on_probe=True, index=2, role="control").heard(20_100).closed(20_200).judge()
        together = replace(alone, context=RunContext(map(summary_of, (alone, control))))
        assert together.diagnosis is not None
        assert together.diagnosis.causes[:2] == (Cause.LOST_BEFORE_WORKER, Cause.WORKER_FULL)

    def test_a_worker_that_was_gone_soon_after_may_have_lost_the_request(self) -> None:
        assert Cause.WORKER_SILENT in causes(self.silent().logged(2_500, "starting", worker_id="AW_2"))

    def test_lines_of_a_job_s_process_don_t_prove_that_the_worker_was_at_work(self) -> None:
        story = lost().log(sdks=["node"], requests=3).logged(-50_000, "registered", worker_id="AW_1", agent_name=NAME)
        story.logged(30_000, "entrypoint-crashed", job_id="AJ_0").closed(20_200)
        assert Cause.WORKER_SILENT in causes(story)


class TestAStateThatChangedAboutThen:
    """Two machines' clocks: each state that may have been in force counts, and the one that was comes first."""

    def changed(self, at: float, what: str) -> Story:
        story = lost().log(last=1_500, sdks=["python"]).logged(-50_000, "registered", worker_id="AW_1", agent_name=NAME)
        return story.logged(at, what, worker_id="AW_1", load=0.9).closed(20_200)

    @pytest.mark.parametrize(
        ("what", "cause"),
        [("full", Cause.WORKER_FULL), ("shutting-down", Cause.NO_WORKER), ("failed", Cause.NO_WORKER)],
    )
    def test_its_cause_comes_first(self, what: str, cause: Cause) -> None:
        found = diagnosis(self.changed(-600, what))
        assert found.causes[0] is cause
        assert "most likely" in found.statement
        assert len(found.causes) > 4

    def test_one_that_came_after_does_not(self) -> None:
        assert diagnosis(self.changed(900, "full")).causes[0] is not Cause.WORKER_FULL

    def test_who_shut_down_long_before_was_not_there(self) -> None:
        assert causes(self.changed(-11_000, "shutting-down")) == {Cause.NO_WORKER}
        assert diagnosis(self.changed(-3_000, "shutting-down")).causes == (Cause.NO_WORKER, Cause.WORKER_DECLINED)

    def test_who_registered_just_then_may_not_have_been_there(self) -> None:
        story = lost().log(sdks=["python"]).logged(-600, "registered", worker_id="AW_1", agent_name=NAME)
        story.logged(30_000, "received-request", job_id="AJ_9", worker_id="AW_1").closed(20_200)
        assert causes(story) - WAITS == {
            Cause.WORKER_FULL, Cause.LOST_BEFORE_WORKER, Cause.NO_WORKER,
        }  # fmt: skip

    def test_who_registers_again_takes_the_place_of_the_one_that_is_gone(self) -> None:
        story = lost().log(sdks=["node"]).logged(-50_000, "registered", worker_id="AW_1", agent_name=NAME)
        story.logged(-20_000, "disconnected", worker_id="AW_1").closed(20_200)
        story.logged(-15_000, "registered", worker_id="AW_2", agent_name=NAME)
        story.logged(30_000, "received-request", job_id="AJ_9", worker_id="AW_2")
        assert causes(story) - WAITS == {Cause.LOST_BEFORE_WORKER}


class TestTheName:
    """'registered worker' says under which name."""

    def registered(self, name: str | None, **options: Any) -> Story:
        named: dict[str, Any] = {} if name is None else {"agent_name": name}
        return lost(**options).log().logged(-50_000, "registered", worker_id="AW_1", **named).closed(20_200)

    def test_the_right_one_rules_a_wrong_one_out(self) -> None:
        assert Cause.WRONG_NAME not in causes(self.registered(NAME))
        assert not any("to the letter" in said for said in diagnosis(self.registered(NAME)).would_tell)

    def test_another_one_is_the_cause(self) -> None:
        found = diagnosis(self.registered("My-Agent"))
        assert found.causes == (Cause.WRONG_NAME,)
        assert "'My-Agent', and 'my-agent' was called" in " ".join(found.speaks_for)
        assert not any("to the letter" in said for said in found.would_tell)

    def test_a_named_worker_is_not_called_automatically(self) -> None:
        automatic: dict[str, Any] = {"agent_name": "", "method": "automatic"}
        story = Story(fallback=False, **automatic).listed(5, dispatch(agent_name="")).looks(5, 20_100).closed(20_200)
        story.log().logged(-50_000, "registered", worker_id="AW_1", agent_name="x")
        assert causes(story) == {Cause.WRONG_NAME}

    def test_one_that_is_not_said_proves_nothing(self) -> None:
        assert Cause.WRONG_NAME in causes(self.registered(None))
        assert len(causes(self.registered(None))) > 4
        assert Cause.WRONG_NAME in causes(self.registered(None).logged(-9_000, "full", worker_id="AW_1"))

    def test_one_that_was_changed_just_then_proves_nothing(self) -> None:
        story = lost().log().logged(-50_000, "registered", worker_id="AW_1", agent_name="old").closed(20_200)
        story.logged(-600, "shutting-down", worker_id="AW_1")
        story.logged(-500, "registered", worker_id="AW_2", agent_name=NAME)
        assert {Cause.WRONG_NAME, Cause.NO_WORKER} <= causes(story)

    def test_a_name_that_came_later_proves_nothing(self) -> None:
        later = lost().log().logged(15_000, "registered", worker_id="AW_1", agent_name=NAME).closed(20_200)
        assert Cause.WRONG_NAME in causes(later)


class TestWhatItDidNotSay:
    """The log goes on after the request: what it would have said by then did not happen."""

    def asked(self, *, until: float, sdk: str = "python") -> Story:
        story = lost().log(last=until, sdks=[sdk]).logged(-50_000, "registered", worker_id="AW_1", agent_name=NAME)
        story.logged(210, "received-request", trial=True, job_id="AJ_1", dispatch_id="AD_1", worker_id="AW_1")
        return story.logged(until, "draining", worker_id="AW_1").closed(20_200)

    def test_an_assignment_that_was_lost(self) -> None:
        left = {Cause.WORKER_SILENT, Cause.WORKER_ANSWERED_LATE, Cause.WORKER_DECLINED}
        assert causes(self.asked(until=12_000)) == left
        # it may have answered after 2.8 s, and waits 7.5 s from then
        assert causes(self.asked(until=10_000)) == left | {Cause.ASSIGNMENT_LOST}
        assert Cause.ASSIGNMENT_LOST in causes(self.asked(until=12_000).logged(4_000, "failed", worker_id="AW_1"))

    def test_a_node_function_that_ended_without_an_answer_has_sent_none(self) -> None:
        story = self.asked(until=2_000, sdk="node").logged(
            220, "unanswered", trial=True, job_id="AJ_1", worker_id="AW_1"
        )
        assert diagnosis(story).causes[0] is Cause.WORKER_SILENT

    def test_a_function_that_fails_as_its_assignment_does_not_come_has_not_declined(self) -> None:
        story = self.asked(until=12_000).logged(8_000, "assignment-lost", trial=True, job_id="AJ_1")
        story.logged(8_001, "request-failed", trial=True, job_id="AJ_1", error="AssignmentTimeoutError")
        assert causes(story) == {Cause.ASSIGNMENT_LOST, Cause.WORKER_ANSWERED_LATE}


class TestTheUsersOwnError:
    """It stands first: nothing says more."""

    def test_of_the_agent(self) -> None:
        ghost = lost(until=26_200).listed(210, dispatch("AD_1", job())).closed(26_300).log()
        ghost.logged(300, "entrypoint-crashed", trial=True, job_id="AJ_1", error="RuntimeError: no voice")
        found = diagnosis(ghost)
        assert found.statement.startswith("RuntimeError: no voice, in the agent's own code: ")
        assert not found.would_tell
        assert "By that worker's log, RuntimeError" in ghost.findings()["false-running"].hint

    def test_of_the_request_function(self) -> None:
        story = lost().log().logged(-50_000, "registered", worker_id="AW_1").closed(20_200)
        about: dict[str, Any] = {"trial": True, "job_id": "AJ_1", "worker_id": "AW_1"}
        story.logged(210, "received-request", dispatch_id="AD_1", **about)
        story.logged(211, "request-failed", error="RuntimeError: broke", **about).logged(212, "rejected", **about)
        assert diagnosis(story).causes == (Cause.WORKER_DECLINED,)
        assert diagnosis(story).statement.startswith("RuntimeError: broke, in the worker's request function: ")

    @pytest.mark.parametrize(
        ("reason", "told"),
        [
            ("done", "its own code ended it"),
            ("job crashed", "failed"),
            ("parent process shutdown", "ended the job"),
        ],
    )
    def test_why_an_agent_left(self, reason: str, told: str) -> None:
        story = Story().listed(5, dispatch("AD_1", job())).looks(5, 1_500).agent(240).left(1_300).closed(1_550).log()
        story.logged(1_250, "job-ended", trial=True, job_id="AJ_1", message=f"process exiting: {reason}")
        assert diagnosis(story).causes == (Cause.LEFT_EARLY,)
        assert told in diagnosis(story).statement
        assert not diagnosis(story).would_tell
