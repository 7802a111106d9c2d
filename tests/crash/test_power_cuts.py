"""Power cuts in the middle of what kiosks do: nothing acknowledged is lost, nothing is invented."""

from __future__ import annotations

import pytest

from tests.crash.replayer import crash_states
from tests.crash.trial import explained, judged, recorded, scratch
from tests.crash.workloads import catalogue

STATES = 60
"""Of each workload; ``outpost test --crash`` looks at thousands."""

SEED = 1


@pytest.mark.timeout(120)
@pytest.mark.parametrize("workload", sorted(catalogue.WORKLOADS))
def test_every_promise_is_kept_through_every_cut(workload: str) -> None:
    recording = recorded(workload, SEED)
    looked_at, harmed = 0, {}
    with scratch() as folder:
        for state in crash_states(recording, STATES, SEED):
            looked_at += 1
            verdict = judged(state, folder / "disk")
            if verdict.harm:
                harmed[state.name] = verdict
    assert looked_at >= STATES // 2, "too few different states to say anything"
    assert not harmed, explained(recording, harmed)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("control", sorted(catalogue.CONTROLS))
def test_a_store_that_loses_entries_is_caught(control: str) -> None:
    recording = recorded(control, SEED)
    with scratch() as folder:
        states = crash_states(recording, STATES, SEED)
        harms = [judged(state, folder / "disk").harm for state in states]
    assert sum(harm is not None for harm in harms) > len(harms) // 5, (
        f"{control} loses acknowledged entries, and this harness would not have noticed"
    )
