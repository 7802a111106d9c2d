"""What happens to a disk besides power cuts: bits flip, files are cut off, vanish, come back older.

Pure: takes the files of two quiet moments of one kiosk (nothing under way, everything durable) and
returns what is found afterwards.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tests.crash.blow import Blow
from tests.crash.disk import Disk
from tests.crash.kiosk import STORE
from tests.crash.notebook import Accepted, Answered, read_notes
from tests.crash.operations import Kind
from tests.crash.recording import Files, Recording
from tests.crash.replayer import CrashState

LOG = f"{STORE}-wal"
MIRROR = f"{STORE}.mirror"

Damage = Callable[[Files, Files, random.Random], Files]
"""Of ``(now, before, rng)``: the files as they should be, an older state of them."""

_PAGE = 4096


def damaged_states(
    recording: Recording, names: Sequence[str], wanted: int, seed: int
) -> Iterator[CrashState]:
    """``wanted`` states after one of these damages each, at some quiet moment of the recording."""
    quiet = _quiet_moments(recording)
    for number in range(wanted):
        label = f"{names[number % len(names)]}{number // len(names)}"
        yield _damaged(recording, quiet, f"{seed}-{label}", label)


def damaged_state(recording: Recording, label: str) -> CrashState:
    """The state of this name, ``<seed>-<damage><number>``."""
    return _damaged(recording, _quiet_moments(recording), label, label.partition("-")[2])


def _damaged(recording: Recording, quiet: list[_Moment], label: str, name: str) -> CrashState:
    rng = random.Random(f"{recording.name}/{label}")
    now = rng.randrange(1, len(quiet))
    before = quiet[rng.randrange(now)].files
    damage, blow = DAMAGES[name.rstrip("0123456789")]
    moment = quiet[now]
    return CrashState(
        recording.workload,
        f"{recording.name}/{moment.cut}/{label}",
        moment.cut,
        damage(moment.files, before, rng),
        moment.notes,
        blow,
    )


@dataclass(frozen=True)
class _Moment:
    cut: int
    files: Files
    notes: tuple[bytes, ...]


def _quiet_moments(recording: Recording) -> list[_Moment]:
    """Cut, durable files and notes right after each promise. The last ones follow a clean end."""
    disk, notes = Disk(recording.initial), [recording.notes]
    found = []
    for cut, operation in enumerate(recording.operations, 1):
        disk.apply(operation)
        if operation.kind is Kind.NOTE:
            notes.append(operation.data)
            if isinstance(read_notes([operation.data])[-1], Accepted | Answered):
                found.append(_Moment(cut, disk.survivors(lambda _: ()), tuple(notes)))
    cut = len(recording.operations)
    found.append(_Moment(cut, disk.survivors(lambda change: (change.what,)), tuple(notes)))
    return found


# --- what can befall a file -----------------------------------------------------------------------


def _flipped(content: bytes, rng: random.Random) -> bytes:
    """One bit, in what is in use: behind the last byte that is no zero nobody looks."""
    used = len(content.rstrip(b"\0")) or 1
    changed = bytearray(content)
    changed[rng.randrange(used)] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _cut(content: bytes, rng: random.Random) -> bytes:
    return content[: rng.randrange(len(content.rstrip(b"\0")) or 1)]


def _zeroed(content: bytes, rng: random.Random) -> bytes:
    """A few blocks that were never written, as a failing disk gives back."""
    begin = rng.randrange(len(content.rstrip(b"\0")) or 1) // _PAGE * _PAGE
    end = min(len(content), begin + _PAGE * rng.randint(1, 4))
    return content[:begin] + bytes(end - begin) + content[end:]


def _garbled(content: bytes, rng: random.Random) -> bytes:
    return rng.randbytes(min(len(content), 100_000))


Harming = Callable[[bytes, random.Random], bytes]

_HARMINGS: dict[str, Harming] = {
    "flipped": _flipped,
    "cut": _cut,
    "zeroed": _zeroed,
    "garbled": _garbled,
}


def _of_file(name: str, harm: Harming) -> Damage:
    def damage(now: Files, before: Files, rng: random.Random) -> Files:
        content = now.get(name)
        return now | {name: harm(content, rng)} if content else now

    return damage


def _without(*names: str) -> Damage:
    return lambda now, before, rng: {
        path: content for path, content in now.items() if path not in names
    }


def _older(*names: str) -> Damage:
    """These files as they were before, missing where they were."""

    def damage(now: Files, before: Files, rng: random.Random) -> Files:
        rest = {path: content for path, content in now.items() if path not in names}
        return rest | {path: content for path, content in before.items() if path in names}

    return damage


def _is_of_mirror(path: str) -> bool:
    return path == MIRROR or path.startswith(f"{MIRROR}/")


def _one_segment(harm: Harming | None) -> Damage:
    """One segment of the mirror harmed, or gone."""

    def damage(now: Files, before: Files, rng: random.Random) -> Files:
        segments = sorted(path for path, content in now.items() if _is_of_mirror(path) and content)
        if not segments:
            return now
        chosen = rng.choice(segments)
        rest = {path: content for path, content in now.items() if path != chosen}
        return rest if harm is None else rest | {chosen: harm(now[chosen] or b"", rng)}

    return damage


def _no_mirror(now: Files, before: Files, rng: random.Random) -> Files:
    return {path: content for path, content in now.items() if not _is_of_mirror(path)}


def _older_mirror(now: Files, before: Files, rng: random.Random) -> Files:
    old = {path: content for path, content in before.items() if _is_of_mirror(path)}
    return _no_mirror(now, before, rng) | old


def _swapped_segments(now: Files, before: Files, rng: random.Random) -> Files:
    segments = sorted(path for path, content in now.items() if _is_of_mirror(path) and content)
    if len(segments) < 2:
        return now
    first, second = rng.sample(segments, 2)
    return now | {first: now[second], second: now[first]}


def _both(first: Damage, second: Damage) -> Damage:
    return lambda now, before, rng: second(first(now, before, rng), before, rng)


DAMAGES: dict[str, tuple[Damage, Blow]] = {
    **{f"log-{how}": (_of_file(LOG, harm), Blow.DAMAGE) for how, harm in _HARMINGS.items()},
    "log-gone": (_without(LOG), Blow.DAMAGE),
    "log-older": (_older(LOG), Blow.DAMAGE),
    **{f"main-{how}": (_of_file(STORE, harm), Blow.DAMAGE) for how, harm in _HARMINGS.items()},
    "main-gone": (_without(STORE), Blow.DAMAGE),
    "main-older": (_older(STORE), Blow.DAMAGE),
    "database-gone": (_without(STORE, LOG), Blow.DAMAGE),
    "database-older": (_older(STORE, LOG), Blow.DAMAGE),
    **{f"mirror-{how}": (_one_segment(harm), Blow.DAMAGE) for how, harm in _HARMINGS.items()},
    "mirror-segment-gone": (_one_segment(None), Blow.DAMAGE),
    "mirror-gone": (_no_mirror, Blow.DAMAGE),
    "mirror-older": (_older_mirror, Blow.DAMAGE),
    "mirror-swapped": (_swapped_segments, Blow.DAMAGE),
    "log-gone-mirror-flipped": (
        _both(_without(LOG), _one_segment(_flipped)),
        Blow.DAMAGE_TO_ALL,
    ),
    "database-gone-mirror-flipped": (
        _both(_without(STORE, LOG), _one_segment(_flipped)),
        Blow.DAMAGE_TO_ALL,
    ),
    "main-flipped-mirror-zeroed": (
        _both(_of_file(STORE, _flipped), _one_segment(_zeroed)),
        Blow.DAMAGE_TO_ALL,
    ),
}
"""Name → damage, and what may follow from it."""
