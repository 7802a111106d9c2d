"""No change to a recorded entry stays hidden."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store_forward.contract.facts import KioskStarted
from store_forward.store import Store
from store_forward.store.audit.verify import verify_journal
from store_forward.store.journal import Journal
from tests.unit.store.builders import KEY, confirmed, entry, new_store, tampering

COUNT = 12


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed store with a dozen entries."""
    path = tmp_path_factory.mktemp("chain") / "store.db"
    with new_store(path) as store:
        fill(store)
    return path


def fill(store: Store) -> None:
    for number in range(1, COUNT + 1):
        one = entry(number) if number % 3 else confirmed(number, f"o{number}", f"s{number}")
        store.journal.append([one])


@settings(max_examples=60, deadline=None)
@given(
    seq=st.integers(1, COUNT),
    column=st.sampled_from(["body", "hash"]),
    position=st.integers(0, 10_000),
    bit=st.integers(0, 7),
)
def test_any_flipped_bit_of_a_body_or_hash_is_found(
    template: Path, seq: int, column: str, position: int, bit: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(shutil.copy(template, Path(folder) / "store.db"))
        with tampering(path) as connection:
            row = connection.row(f"SELECT {column} FROM event WHERE seq = ?", (seq,))
            assert row is not None
            value = bytearray(row[0])
            value[position % len(value)] ^= 1 << bit
            connection.execute(f"UPDATE event SET {column} = ? WHERE seq = ?", (bytes(value), seq))
            broken = Journal(connection).verify()
        assert broken is not None
        assert broken.seq == seq
        report = verify_journal(path, KEY)
        assert not report.ok
        assert report.first_bad == seq


@settings(max_examples=30, deadline=None)
@given(gap=st.sets(st.integers(1, COUNT - 1), min_size=1, max_size=6))
def test_any_gap_is_found_and_its_start_is_named(template: Path, gap: set[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(shutil.copy(template, Path(folder) / "store.db"))
        with tampering(path) as connection:
            for seq in gap:
                connection.execute("DELETE FROM event WHERE seq = ?", (seq,))
            broken = Journal(connection).verify()
        assert broken is not None
        assert broken.seq == min(gap)
        report = verify_journal(path, KEY)
        assert report.first_bad == min(gap)
        assert report.entries == COUNT - len(gap)


@settings(max_examples=30, deadline=None)
@given(first=st.integers(1, COUNT), second=st.integers(1, COUNT).filter(lambda seq: seq != COUNT))
def test_swapped_entries_are_found(template: Path, first: int, second: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(shutil.copy(template, Path(folder) / "store.db"))
        with tampering(path) as connection:
            rows = dict(connection.rows("SELECT seq, body FROM event"))
            connection.execute("UPDATE event SET body = ? WHERE seq = ?", (rows[second], first))
            connection.execute("UPDATE event SET body = ? WHERE seq = ?", (rows[first], second))
            broken = Journal(connection).verify()
        if first == second:
            assert broken is None
            assert verify_journal(path, KEY).ok
        else:
            assert broken is not None
            assert broken.seq == min(first, second)


@settings(max_examples=25, deadline=None)
@given(sizes=st.lists(st.integers(1, 5), min_size=1, max_size=6), text=st.text(max_size=20))
def test_any_appends_give_one_unbroken_chain(sizes: list[int], text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.db"
        software = text.encode(errors="replace").decode()
        with new_store(path) as store:
            for size in sizes:
                store.journal.append([entry(n, KioskStarted(software)) for n in range(size)])
            assert store.journal.verify() is None
            head = store.journal.head()
        report = verify_journal(path, KEY)
        assert report.ok
        assert (report.head_seq, report.head_hash) == (sum(sizes), head.hash.hex())
