"""Power cuts in the middle of what kiosks do, and damage to their disks: nothing that was
acknowledged is lost, and nothing is invented.

That stores which lose something are caught is shown by each run of the command, the one in
``test_campaign`` too.
"""

from __future__ import annotations

import pytest

from tests.crash.judge import Verdict
from tests.crash.trial import explained, judged, recorded, scratch, states_of
from tests.crash.workloads import catalogue

STATES = 30
"""Of each workload, 540 together; ``outpost test --crash`` looks at thousands."""

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
