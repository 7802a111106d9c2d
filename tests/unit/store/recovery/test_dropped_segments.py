"""A segment is dropped when its entries are acknowledged; none of them is ever told to be lost."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from store_forward.contract.canonical import chain_hash
from store_forward.store.head import START, Head
from store_forward.store.identity import Identity
from store_forward.store.mirror.mirror import Mirror
from store_forward.store.mirror.segment import list_segments
from store_forward.store.recovery.decision import Rebuild, decide
from store_forward.store.recovery.findings import Absent, Findings
from store_forward.store.recovery.scan import scan
from tests.unit.store.builders import DEVICE, KEY
from tests.unit.store.recovery.kiosk_disk import flip

SEGMENT_BYTES = 2000
BODY = b"x" * 300


@dataclass
class Kept:
    """A mirror with small segments, and what the gateway has of its journal."""

    folder: Path
    rng: random.Random
    head: Head = START
    acked: int = 0
    settled: list[int] = field(default_factory=list)
    is_offline: bool = False

    def run(self, groups: int) -> None:
        """Core starts, appends, and ends; the gateway answers meanwhile."""
        mirror = Mirror(self.folder, KEY, segment_bytes=SEGMENT_BYTES)
        mirror.lock()
        mirror.attach(Identity(DEVICE, "a" * 32), self.settle)
        for _ in range(groups):
            bodies = [BODY] * self.rng.choice((1, 1, 2, 8))
            after = self.head
            for body in bodies:
                after = Head(after.seq + 1, chain_hash(after.hash, after.seq + 1, body))
            mirror.make_room(self.head, bodies)
            mirror.start(self.head, after, bodies)
            mirror.confirm()
            self.head = after
            if not self.is_offline and self.rng.random() < 0.3:
                self.acked = self.rng.randint(self.acked, self.head.seq)
            if self.rng.random() < 0.02:
                self.acked //= 2  # the gateway went back to a backup
        mirror.close()

    def settle(self) -> int:
        """0 where the log could not be copied into the main file."""
        self.settled.append(self.rng.choice((0, self.acked, self.acked)))
        return self.settled[-1]

    def rebuilt(self) -> Rebuild:
        found, _ = scan(self.folder, KEY, None)
        plan = decide(Findings(Absent(), found))
        assert isinstance(plan, Rebuild)
        return plan


@pytest.fixture(name="kept", params=range(8))
def _kept(tmp_path: Path, request: pytest.FixtureRequest) -> Kept:
    return Kept(tmp_path / "store.db.mirror", random.Random(request.param))


def test_what_was_dropped_is_not_lost(kept: Kept) -> None:
    for _ in range(12):
        kept.run(kept.rng.randint(1, 20))
        plan = kept.rebuilt()
        assert plan.gaps == ()
        assert plan.base.seq <= max(kept.settled)
        assert plan.stretches[-1].last == kept.head
    assert plan.base.seq > 0, "nothing was ever dropped"


def test_also_when_the_header_that_says_so_cannot_be_read(kept: Kept) -> None:
    for _ in range(12):
        kept.run(kept.rng.randint(1, 20))
    _, newest = list_segments(kept.folder)[-1]
    flip(newest, 30)  # in the salt: nothing in this segment opens any more
    plan = kept.rebuilt()
    assert plan.gaps == ()
    assert plan.left_out is not None
    assert plan.left_out.last_seq >= kept.head.seq


def test_nor_where_a_cut_left_an_older_one_than_it_took(kept: Kept) -> None:
    """Two are dropped at once; of their names the disk has forgotten the second only."""
    held: dict[Path, bytes] = {}
    while len(gone := [path for path in held if not path.exists()]) < 2:
        held |= {path: path.read_bytes() for _, path in list_segments(kept.folder)}
        kept.run(20)
    oldest = min(gone)
    oldest.write_bytes(held[oldest])
    plan = kept.rebuilt()
    assert plan.gaps == ()
    assert plan.base.seq > 0
    assert plan.stretches[-1].last == kept.head


def test_what_is_missing_and_was_not_acknowledged_is_lost(kept: Kept) -> None:
    kept.is_offline = True
    kept.run(40)
    _, oldest = list_segments(kept.folder)[0]
    oldest.unlink()
    plan = kept.rebuilt()
    assert [gap.first_seq for gap in plan.gaps] == [1]
    assert plan.gaps[0].last_seq == plan.base.seq
