"""An end that both copies lost: its numbers are left out, so that none is given a second time.

The lost entry may be at the gateway or on a patient's slip. Another one under its number would be
refused there, and the first one would be forgotten.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from store_forward.contract.canonical import chain_hash
from store_forward.contract.facts import EntriesLost, JournalRebuilt
from store_forward.store import Store
from store_forward.store.audit.verify import verify_journal
from store_forward.store.head import START, Head
from store_forward.store.identity import Identity
from store_forward.store.mirror.bad_end import BadEnd
from store_forward.store.recovery.decision import (
    AppendTail,
    GoOn,
    LeaveOut,
    Plan,
    Rebuild,
    Replace,
    decide,
)
from store_forward.store.recovery.findings import (
    Absent,
    Database,
    Findings,
    Gap,
    GatewayMark,
    MirrorFinding,
    Opened,
    Run,
)
from store_forward.store.recovery.report import Range
from store_forward.store.sending.marks import Step
from tests.unit.store.builders import DEVICE, KEY, accepted, entry, new_store, receipt
from tests.unit.store.recovery.kiosk_disk import KioskDisk, flip, ids, power_cut

IDENTITY = Identity(DEVICE, "a" * 32)
FLIPPED = BadEnd(most_entries=4, may_be_torn=False)
TORN = BadEnd(most_entries=4, may_be_torn=True)


def head(seq: int) -> Head:
    return Head(seq, chain_hash(START.hash, seq, b"made up")) if seq else START


def opened(seq: int, left_out: Gap | None = None) -> Opened:
    return Opened(IDENTITY, START, head(seq), 0, left_out=left_out)


def mirror(
    last: int, end: BadEnd | None, *, newest_after: int = 0, known: int = 0
) -> MirrorFinding:
    runs = (Run(1, 1, last, START.hash, head(last).hash),)
    return MirrorFinding(
        IDENTITY, START, 0, runs, bad_end=end, newest_after=newest_after, known_seq=known
    )


def plan(database: Database, found: MirrorFinding) -> Plan:
    return decide(Findings(database, found))


class TestDecision:
    @pytest.mark.parametrize("end", [FLIPPED, TORN])
    def test_without_a_database_nothing_at_the_end_is_believed(self, end: BadEnd) -> None:
        found = plan(Absent(), mirror(7, end))
        assert isinstance(found, Rebuild)
        assert found.left_out == Gap(8, 11)

    def test_a_whole_mirror_gives_its_next_number(self) -> None:
        found = plan(Absent(), mirror(7, None))
        assert isinstance(found, Rebuild)
        assert found.left_out is None

    def test_entries_that_a_later_segment_knew_of_are_left_out(self) -> None:
        found = plan(Absent(), mirror(7, None, known=9))
        assert isinstance(found, Rebuild)
        assert found.left_out == Gap(8, 9)

    def test_a_database_that_has_what_the_mirror_lost_is_right(self) -> None:
        assert plan(opened(8), mirror(7, FLIPPED)) == GoOn()

    def test_an_append_that_was_cut_short_took_no_number(self) -> None:
        assert plan(opened(7), mirror(7, TORN, newest_after=6)) == GoOn()

    def test_a_damaged_record_that_the_database_lacks_did(self) -> None:
        assert plan(opened(7), mirror(7, FLIPPED, newest_after=6)) == LeaveOut(Gap(8, 11))

    def test_power_may_go_after_the_mirror_wrote_and_before_the_database_did(self) -> None:
        """And the torn record behind it is the abort of that group."""
        found = plan(opened(6), mirror(7, TORN, newest_after=6))
        assert isinstance(found, AppendTail)
        assert found.left_out is None

    def test_no_power_cut_takes_two_groups_from_the_database(self) -> None:
        found = plan(opened(5), mirror(7, TORN, newest_after=6))
        assert isinstance(found, AppendTail)
        assert found.left_out == Gap(8, 11)

    def test_an_older_copy_that_lost_its_end_too_names_all_that_may_be_gone(self) -> None:
        mark = GatewayMark(IDENTITY.incarnation, 9, Step.ROLLED_BACK)
        found = decide(Findings(opened(7), mirror(7, FLIPPED, newest_after=6), mark=mark))
        assert isinstance(found, Replace)
        assert (found.first_lost, found.last_lost) == (8, 11)

    def test_what_an_earlier_step_found_is_not_forgotten(self) -> None:
        assert plan(opened(7, Gap(8, 99)), mirror(7, None)) == LeaveOut(Gap(8, 99))


@pytest.fixture(name="disk")
def _disk(tmp_path: Path) -> KioskDisk:
    """Eight entries; the last record of the mirror has a flipped bit."""
    path = tmp_path / "store.db"
    with new_store(path) as store:
        store.carry_numbers(lambda: {"serial": 41})
        for number in range(1, 9):
            store.journal.append([entry(number)])
        disk = power_cut(store, tmp_path / "cut")
    (segment,) = disk.segments()
    flip(segment, len(segment.read_bytes().rstrip(b"\0")) - 5)
    return disk


def lose_database(disk: KioskDisk) -> None:
    disk.database.unlink()
    disk.log.unlink(missing_ok=True)


def check(store: Store) -> None:
    """Entry 8 is named as lost, and its number is not given again."""
    assert store.recovery is not None
    (lost,) = store.recovery.lost
    assert lost.first == 8
    assert lost.last < 20
    rows = store.journal.read(0, 100)
    assert [row.seq for row in rows] == [*range(1, 8), lost.last + 1, lost.last + 2]
    facts = [row.entry().fact for row in rows[-2:]]
    assert facts == [
        EntriesLost(8, lost.last, store.identity.incarnation),
        JournalRebuilt(0, {"serial": 2041}),
    ]
    assert store.journal.verify() is None
    assert store.journal.append([entry(9)]).first_seq == lost.last + 3


def test_a_journal_made_anew_gives_no_number_twice(disk: KioskDisk) -> None:
    lose_database(disk)
    with disk.boot() as store:
        check(store)


def test_an_older_database_gives_none_twice_either(disk: KioskDisk) -> None:
    """Its log was lost: the mirror has the end, but for the last entry."""
    disk.log.unlink()
    with disk.boot() as store:
        check(store)


def test_a_database_that_is_whole_has_it_all(disk: KioskDisk) -> None:
    with disk.boot() as store:
        assert ids(store) == disk.told
        assert store.recovery is not None
        assert not store.recovery.lost
        assert store.recovery.mirrored == (Range(1, 8),)


def test_it_is_told_once_and_both_copies_go_on(disk: KioskDisk) -> None:
    lose_database(disk)
    with disk.boot() as store:
        store.journal.append([entry(9)])
        last = store.journal.head().seq
    with disk.boot() as store:
        assert store.recovery is not None
        assert not store.recovery.is_worth_telling
        assert store.journal.head().seq == last
    report = verify_journal(disk.database, KEY)
    assert report.problems
    assert all(problem.startswith(f"entries 8 to {last - 3} ") for problem in report.problems)


def test_the_damaged_bytes_are_kept(disk: KioskDisk) -> None:
    lose_database(disk)
    disk.boot().close()
    assert len(list(disk.mirror.glob("*.segment.quarantined-*"))) == 1


def test_numbers_left_out_once_are_not_given_when_the_next_segment_is_lost_too(
    disk: KioskDisk, tmp_path: Path
) -> None:
    """What says how far they went is in that segment."""
    given = []
    for number in range(3):
        lose_database(disk)
        if number:
            spoil(disk.segments()[-1])
        with disk.boot() as store:
            given.append([row.seq for row in store.journal.read(7, 100)])
            disk = power_cut(store, tmp_path / f"cut-{number}")
    assert given[0][-1] < given[1][0] < given[1][-1] < given[2][0]


def spoil(segment: Path) -> None:
    """Nothing of it can be read any more."""
    segment.write_bytes(bytes(each ^ 0x55 for each in segment.read_bytes().rstrip(b"\0")))


def test_behind_it_the_mirror_alone_is_enough_again(disk: KioskDisk, tmp_path: Path) -> None:
    lose_database(disk)
    with disk.boot() as store:
        store.journal.append([entry(9)])
        told = ids(store)
        cut = power_cut(store, tmp_path / "second")
    lose_database(cut)
    with cut.boot() as store:
        assert ids(store)[: len(told)] == told
        assert store.journal.verify() is None


def test_a_number_at_the_gateway_is_no_reason_to_begin_a_new_journal(disk: KioskDisk) -> None:
    """What it acknowledged behind the gap counts."""
    lose_database(disk)
    with disk.boot() as store:
        seq = store.journal.append([entry(9)]).last_seq
        store.outbox.record_answer(receipt(store, 1, seq), accepted(1, 7))
        assert store.outbox.acked_seq() == seq
    with disk.boot() as store:
        assert store.recovery is not None
        assert not store.recovery.replaced


def test_a_segment_filled_anew_knows_of_newer_entries_in_an_older_one(tmp_path: Path) -> None:
    """A start wrote what an older segment had held into a new one; then database and the segment
    with the newest entry are lost before anything is appended."""
    path = tmp_path / "store.db"
    with new_store(path) as store:
        for number in range(1, 3):
            store.journal.append([entry(number)])
    with new_store(path) as store:
        store.journal.append([entry(3)])
        disk = power_cut(store, tmp_path / "cut")
    oldest, _ = disk.segments()
    oldest.unlink()
    with disk.boot() as store:
        assert store.recovery is not None
        assert store.recovery.mirrored == (Range(1, 2),)
    newest_entry, _filled = disk.segments()
    newest_entry.unlink()
    for file in disk.folder.glob("store.db*"):
        if file.is_file():
            file.unlink()
    with disk.boot() as store:
        assert store.recovery is not None
        assert store.recovery.lost == (Range(3, 3),)
        assert store.journal.read(2, 10)[0].seq > 3
