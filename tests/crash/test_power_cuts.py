"""Power cuts in the middle of what kiosks do, and damage to their disks: nothing that was
acknowledged is lost, nothing is invented, and a store that would lose something is caught."""

from __future__ import annotations

import pytest

from tests.crash.judge import Verdict
from tests.crash.trial import explained, judged, recorded, scratch, states_of
from tests.crash.workloads import catalogue

STATES = 30
"""Of each workload, 540 together; ``outpost test --crash`` looks at thousands."""

CONTROL_STATES = 20

RECORDINGS = {"recover": 5, "killed": 2}
"""Where each recording is another story, there are more of them, with fewer states each."""


@pytest.mark.timeout(150)
@pytest.mark.parametrize("workload", sorted(catalogue.WORKLOADS))
def test_every_promise_is_kept_through_every_cut(workload: str) -> None:
    looked_at = 0
    recordings = RECORDINGS.get(workload, 1)
    for seed in range(1, recordings + 1):
        recording = recorded(workload, seed)
        harmed: dict[str, Verdict] = {}
        with scratch() as folder:
            for state in states_of(recording, -(-STATES // recordings), seed):
                looked_at += 1
                verdict = judged(state, folder / "disk")
                if verdict.harm:
                    harmed[state.name] = verdict
        assert not harmed, explained(recording, harmed)
    assert looked_at >= STATES * 0.9, "too few different states to say anything"


@pytest.mark.timeout(150)
@pytest.mark.parametrize("control", sorted(catalogue.CONTROLS))
def test_a_store_that_loses_entries_is_caught(control: str) -> None:
    with scratch() as folder:
        states = states_of(recorded(control, 1), CONTROL_STATES, 1)
        harms = [judged(state, folder / "disk").harm for state in states]
    assert sum(harm is not None for harm in harms) > len(harms) // 5, (
        f"{control} loses acknowledged entries, and this harness would not have noticed"
    )
