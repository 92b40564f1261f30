"""A cleanup from outside the agent: which look at the room it believes."""

from __future__ import annotations

import pytest
from livekit import api

from lkdiag.judge.checks import cleanup_never_ran
from lkdiag.run.cleanups import OUTSIDE, WatchedCall, reap_if_lone
from tests.client.speaker import JSON, said, speaking

ANN, BOB = (
    api.ParticipantInfo(identity=who, sid=f"PA_{who}", kind=api.ParticipantInfo.Kind.SIP) for who in ("ann", "bob")
)
AGENT = api.ParticipantInfo(identity="agent-AJ_1", sid="PA_1", kind=api.ParticipantInfo.Kind.AGENT)
NOT_FOUND = said(b'{"code":"not_found","msg":"participant does not exist"}', 404, JSON)


@pytest.mark.parametrize(
    ("listed", "is_bob_found", "looked", "failure", "is_deleted"),
    [
        ([ANN, BOB, AGENT], True, [["ann", "bob"]], [], False),
        ([BOB, AGENT], True, [["bob"]], [], True),
        ([], False, [[]], [], False),
        ([], True, [], ["garbled"], False),  # the list lies: the reaper can't be blamed for what it did not see
    ],
)
async def test_it_doubts_an_empty_list(
    listed: list[api.ParticipantInfo], is_bob_found: bool, looked: list[list[str]], failure: list[str], is_deleted: bool
) -> None:
    there = said(api.ListParticipantsResponse(participants=listed).SerializeToString())
    found = [NOT_FOUND, said(BOB.SerializeToString()) if is_bob_found else NOT_FOUND]

    def answer(method: str, number: int) -> bytes:
        return {"ListParticipants": there, "DeleteRoom": said()}.get(method) or found[number - 1]

    async with speaking(answer) as (speaker, control):
        call = WatchedCall("r", ("ann", "bob"), control, speaker.run, None)
        assert await reap_if_lone(call) == is_deleted
    assert [event.data["people"] for event in speaker.told("cleanup.looked")] == looked
    assert [event.data["failure"] for event in speaker.told("cleanup.look_failed")] == failure
    assert ("DeleteRoom" in speaker.asked) == is_deleted


def test_the_judge_knows_which_cleanups_are_outside() -> None:
    """Their leftover rooms are not explained by how the agent went."""
    assert set(cleanup_never_ran.OUTSIDE) == set(OUTSIDE)
