"""Where listDispatch and the room contradict each other, and where they only seem to."""

from __future__ import annotations

import pytest

from lkdiag.contract import Mismatch, Outcome, State

from .story import NAME, Story, dispatch, job

RUNNING = dispatch("AD_1", job())


class TestFalseRunning:
    """A job is RUNNING, and nobody was ever there."""

    @pytest.mark.parametrize(
        ("listed", "until", "mismatch"),
        [
            (210, 20_100, Mismatch.FALSE_RUNNING),
            (5010, 20_100, Mismatch.FALSE_RUNNING),  # the listing's own lag
            (19_900, 25_800, None),  # just before the deadline: its agent may still come
            (19_900, 26_000, Mismatch.FALSE_RUNNING),
        ],
    )
    def test_how_long_it_was_listed(self, listed: float, until: float, mismatch: Mismatch | None) -> None:
        story = Story(fallback=False).listed(5, dispatch()).listed(listed, RUNNING).looks(5, until)
        judged = story.closed(until + 100).judge()
        assert (judged.outcome, judged.state, judged.mismatch) == (Outcome.DROPPED, State.RUNNING, mismatch)
        assert ("false-running" in story.findings()) == (mismatch is not None)
        assert ("dropped" in story.findings()) == (mismatch is None)

    def test_no_patience_at_all_is_no_proof(self) -> None:
        story = Story(fallback=False, settle_s=0).listed(5, dispatch()).listed(19_900, RUNNING).looks(5, 20_100)
        assert story.closed(20_200).judge().mismatch is None

    def test_the_agent_came_after_the_deadline(self) -> None:
        story = Story().listed(5, dispatch()).listed(19_900, RUNNING).looks(5, 22_000).agent(21_900).closed(22_100)
        assert (story.judge().outcome, story.judge().mismatch) == (Outcome.DROPPED, None)

    def test_the_agent_came_while_the_fallback_was_tried(self) -> None:
        story = Story().listed(5, dispatch()).listed(210, RUNNING).fallback(20_200).agent(21_000)
        assert story.looks(5, 30_300).closed(30_400).judge().mismatch is None

    def test_the_finding_says_how_closely_was_looked(self) -> None:
        story = Story(fallback=False).listed(5, dispatch()).listed(210, RUNNING).looks(5, 20_100).closed(20_200)
        assert "until 20.1 s (looks at most 0.4 s apart)" in story.findings()["false-running"].fact


class TestUnreported:
    """An agent is there, and no job of it is listed."""

    @pytest.mark.parametrize(
        ("until", "settle_s", "mismatch"),
        [
            (6500, 6, Mismatch.UNREPORTED),
            (5200, 6, None),
            (300, 0, None),  # the server's own lag is no finding, however impatient one is
            (5400, 0, Mismatch.UNREPORTED),
        ],
    )
    def test_how_long_it_was_waited(self, until: float, settle_s: float, mismatch: Mismatch | None) -> None:
        story = Story(settle_s=settle_s).listed(5, dispatch()).looks(5, until).agent(240).closed(until + 50)
        judged = story.judge()
        assert (judged.outcome, judged.state, judged.mismatch) == (Outcome.DELIVERED, State.NO_JOB, mismatch)
        assert ("unreported" in story.findings()) == (mismatch is not None)

    def test_a_lag_of_five_seconds_is_a_figure(self) -> None:
        story = Story().listed(5, dispatch()).agent(240).listed(5010, RUNNING).looks(5, 5020).closed(5100)
        judged = story.judge()
        assert (judged.outcome, judged.mismatch) == (Outcome.DELIVERED, None)
        assert judged.facts.state_lag_ms == pytest.approx(4770, abs=5)
        assert story.findings() == {}

    def test_an_agent_that_has_left_meanwhile(self) -> None:
        story = Story().listed(5, dispatch()).looks(5, 6500).agent(240).left(2000).closed(6600)
        assert story.judge().mismatch is None

    def test_failed_looks_at_the_dispatches(self) -> None:
        story = Story().listed(5, dispatch()).looks(5, 1000).agent(240)
        for at in range(1200, 6600, 400):
            story.look(at, dispatches=False)
        assert story.closed(6700).judge().mismatch is None


class TestFailedPresent:
    """The job has failed, and its agent is there."""

    FAILED = dispatch("AD_1", job(status="JS_FAILED", ended=1000, error="crashed"))

    @pytest.mark.parametrize(
        ("until", "mismatch"),
        [
            (2200, Mismatch.FAILED_PRESENT),
            (1100, None),  # it may be listed for a moment after its job
        ],
    )
    def test_well_after_the_listing(self, until: float, mismatch: Mismatch | None) -> None:
        story = Story().listed(5, dispatch()).listed(210, RUNNING).agent(240).listed(1010, self.FAILED)
        judged = story.looks(5, until, every=100).closed(until + 50).judge()
        assert (judged.outcome, judged.state, judged.mismatch) == (Outcome.DELIVERED, State.FAILED, mismatch)
        assert ("failed-present" in story.findings()) == (mismatch is not None)

    def test_an_agent_that_is_gone_left_and_nothing_is_wrong(self) -> None:
        left = dispatch("AD_1", job(status="JS_FAILED", ended=1000, error="agent worker left the room"))
        story = Story().listed(5, dispatch()).listed(210, RUNNING).agent(240).listed(1010, left).left(1020)
        story.looks(5, 4000).closed(4100)
        assert (story.judge().outcome, story.judge().mismatch) == (Outcome.DELIVERED, None)
        assert set(story.findings()) == {"left-early"}

    def test_an_agent_that_left_between_the_two_looks_that_follow(self) -> None:
        story = Story().listed(5, dispatch()).listed(210, RUNNING).agent(240).listed(1010, self.FAILED)
        assert story.looks(5, 1500, every=100).left(1060).closed(1600).judge().mismatch is None

    def test_one_that_reconnected(self) -> None:
        left = dispatch("AD_1", job(status="JS_FAILED", ended=1000, error="agent worker left the room"))
        story = Story().listed(5, dispatch()).listed(210, RUNNING).agent(240).listed(1010, left)
        story.left(1020).agent(1400, sid="PA_again").looks(5, 4000).closed(4100)
        assert story.judge().mismatch is Mismatch.FAILED_PRESENT
        assert set(story.findings()) == {"failed-present"}


class TestWrongWorker:
    """Somebody else answered."""

    @pytest.mark.parametrize(
        ("worker_id", "mismatch"),
        [
            ("AW_probe", None),
            ("AW_other", Mismatch.WRONG_WORKER),
            (None, Mismatch.WRONG_WORKER),  # an old server names none; but the probe was not asked
        ],
    )
    def test_the_probe_s_job_is_another_worker_s(self, worker_id: str | None, mismatch: Mismatch | None) -> None:
        story = Story(on_probe=True, agent_name="", method="automatic")
        taken = dispatch("AD_1", job(worker_id=worker_id), agent_name="")
        story.listed(5, dispatch(agent_name="")).listed(210, taken).agent(240, agent_name="").looks(5, 300)
        if worker_id == "AW_probe":
            story.probe(200, "offered").probe(201, "accepted").probe(202, "assigned")
        judged = story.closed(350).judge()
        assert (judged.outcome, judged.mismatch) == (Outcome.DELIVERED, mismatch)
        assert ("wrong-worker" in story.findings()) == (mismatch is not None)

    def test_a_server_that_names_no_workers_is_not_blamed(self) -> None:
        story = Story(on_probe=True).listed(5, dispatch()).listed(210, dispatch("AD_1", job(worker_id=None)))
        story.probe(200, "offered").probe(201, "accepted").probe(202, "assigned").agent(240).looks(5, 300)
        assert story.closed(350).judge().mismatch is None

    def test_the_probe_registered_again_and_its_old_job_is_still_its_own(self) -> None:
        story = Story(on_probe=True).listed(5, dispatch()).listed(210, RUNNING).looks(5, 300).agent(240)
        story.probe(200, "offered").probe(201, "accepted").probe(202, "assigned")
        story.run_event(250, "worker.registered", worker_id="AW_again", server={})
        assert story.closed(350).judge().mismatch is None

    def test_another_worker_s_agent_whose_job_is_not_listed(self) -> None:
        story = Story(on_probe=True, agent_name="", method="automatic").listed(5, dispatch(agent_name=""))
        story.agent(240, "someone", agent_name="").looks(5, 6500).heard(300).closed(6600)
        assert story.judge().mismatch is Mismatch.WRONG_WORKER
        assert "another worker sent agent 'someone'" in story.findings()["wrong-worker"].fact

    @pytest.mark.parametrize(
        ("name", "at", "mismatch"),
        [
            ("other", 300, Mismatch.WRONG_WORKER),
            ("other", 17_000, None),  # the dispatch that brought it may not be listed yet
            ("", 300, None),  # automatic dispatch
            (NAME.upper(), 300, Mismatch.WRONG_WORKER),  # names are compared to the letter
        ],
    )
    def test_an_agent_of_another_name(self, name: str, at: float, mismatch: Mismatch | None) -> None:
        story = Story(fallback=False).listed(5, dispatch()).looks(5, 20_100).agent(at, "x", agent_name=name)
        judged = story.closed(20_200).judge()
        assert (judged.outcome, judged.mismatch) == (Outcome.DROPPED, mismatch)

    def test_an_agent_of_another_name_by_a_dispatch_of_its_own(self) -> None:
        other = dispatch("AD_8", job("AJ_8"), agent_name="logger")
        story = Story(fallback=False).listed(5, dispatch(), other).looks(5, 20_100)
        assert story.agent(300, "agent-AJ_8", agent_name="logger").closed(20_200).judge().mismatch is None
