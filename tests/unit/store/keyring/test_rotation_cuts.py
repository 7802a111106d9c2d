"""A power cut at any operation of a rotation leaves a store that opens with one of two keys."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from store_forward.store import Store
from store_forward.store.keyring.changing import rotate
from store_forward.store.keyring.envelope import Role
from store_forward.store.keyring.files import read_envelope
from tests.crash.recording import record, write_files
from tests.crash.replayer import CrashState, crash_states
from tests.crash.trial import scratch
from tests.unit.store.builders import DEVICE, entries
from tests.unit.store.keyring import rotation

STATES = 40


def states_of(workload: str, folder: Path) -> list[CrashState]:
    rotation.prepare(folder)
    module = "tests.unit.store.keyring.rotation"
    recording = record(workload, 1, folder, module)
    return list(crash_states(recording, STATES, 1))


def lay_out(state: CrashState, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    write_files(state.files, folder)


def promised(state: CrashState) -> int:
    return int(b"".join(state.notes).splitlines()[-1])


def check(state: CrashState, folder: Path) -> None:
    """Start as core does; finish the rotation; start again. Every promised entry is there."""
    site = rotation.site_of(folder)
    machine, credential = rotation.machine_of(site)
    bodies = []
    for _ in range(2):
        with Store.open(site.store, rotation.key_of(site), device=DEVICE) as store:
            assert store.journal.verify() is None
            rows = store.journal.read(0, 100)
            bodies = [row.entry().id for row in rows]
        rotate(site, machine, credential, rotation.now, data=True)
    count = promised(state)
    assert bodies[:count] == [one.id for one in entries(count)]
    assert read_envelope(site.envelope).note(Role.NEXT) is None


@pytest.mark.timeout(150)
def test_every_cut_of_a_rotation_leaves_a_store_that_opens_whole() -> None:
    with scratch() as folder:
        states = states_of(rotation.ROTATE, folder / "disk")
        assert len(states) >= STATES * 0.9
        for state in states:
            lay_out(state, folder / "disk")
            try:
                check(state, folder / "disk")
            except Exception as error:
                raise AssertionError(f"{state.name}: {error}") from error


@pytest.mark.timeout(150)
def test_an_envelope_that_forgets_the_old_key_too_early_is_caught() -> None:
    lost = 0
    with scratch() as folder:
        for state in states_of(rotation.IMPATIENT, folder / "disk"):
            lay_out(state, folder / "disk")
            try:
                check(state, folder / "disk")
            except Exception:  # whatever it is: a store that does not open is the finding
                lost += 1
    assert lost > STATES // 10
