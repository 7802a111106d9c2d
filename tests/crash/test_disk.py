"""What a disk may keep of what was not fsynced, and must keep of what was."""

from __future__ import annotations

import msgspec

from tests.crash.disk import Disk
from tests.crash.operations import Kind, Operation
from tests.crash.recording import Files, Recording
from tests.crash.replayer import VARIANTS, crash_states, states_named

ROOT = 1
FILE = 2
SECTOR = 512


def operation(
    kind: Kind,
    path: str = "",
    inode: int = FILE,
    *,
    other: str = "",
    at: int = 0,
    length: int = 0,
    data: bytes = b"",
    thread: int = 1,
) -> Operation:
    return Operation(kind, thread, inode, at, length, path, other, data, synchronous=False)


def created(path: str, inode: int = FILE) -> Operation:
    return operation(Kind.CREATE, path, inode)


def written(data: bytes, at: int = 0, inode: int = FILE) -> Operation:
    return operation(Kind.WRITE, "", inode, at=at, data=data)


def synced(inode: int = FILE) -> list[Operation]:
    return [operation(Kind.SYNC_BEGIN, "", inode), operation(Kind.SYNC_END, "", inode)]


def not_synced(inode: int = FILE) -> list[Operation]:
    """An fsync that failed."""
    begin, end = synced(inode)
    return [begin, msgspec.structs.replace(end, length=-1)]


def states(
    *operations: Operation, before: Files | None = None, forgets: bool = False
) -> list[Files]:
    """What may be found after the last operation."""
    initial: dict[str, tuple[int, bytes | None]] = {"": (ROOT, None)}
    initial |= {path: (100 + n, data) for n, (path, data) in enumerate((before or {}).items())}
    recording = Recording("made-up", 0, initial, b"", operations, forgets)
    cut = len(operations)
    names = [f"{cut}/{variant}{number}" for variant in VARIANTS for number in range(40)]
    found: list[Files] = []
    for state in states_named(recording, names):
        if state.files not in found:
            found.append(state.files)
    return found


def test_a_file_is_there_for_certain_only_when_file_and_directory_were_synced() -> None:
    data = [created("a"), written(b"x")]
    assert states(*data, *synced(FILE), *synced(ROOT)) == [{"a": b"x"}]
    assert {} in states(*data, *synced(FILE))
    assert {"a": b""} in states(*data, *synced(ROOT))
    assert {} in states(*data)
    assert {"a": b"x"} in states(*data)


def test_what_comes_after_the_begin_of_a_sync_is_not_covered_by_it() -> None:
    begin, end = synced(100)
    assert states(written(b"x", inode=100), begin, end, before={"a": b"."}) == [{"a": b"x"}]
    assert {"a": b"."} in states(begin, written(b"x", inode=100), end, before={"a": b"."})


def test_a_sync_that_has_not_ended_or_failed_promises_nothing() -> None:
    begin, _ = synced(100)
    failed = operation(Kind.SYNC_END, "", 100, length=-1)
    for end in ([], [failed]):
        found = states(written(b"x", inode=100), begin, *end, before={"a": b"."})
        assert {"a": b"."} in found
        assert {"a": b"x"} in found


def test_a_later_write_may_survive_an_earlier_one() -> None:
    found = states(
        written(b"1" * SECTOR, inode=100),
        written(b"2" * SECTOR, at=SECTOR, inode=100),
        before={"a": b"." * 2 * SECTOR},
    )
    assert {"a": b"." * SECTOR + b"2" * SECTOR} in found
    assert {"a": b"1" * SECTOR + b"." * SECTOR} in found


def test_a_write_is_torn_at_sectors_of_the_file_and_nowhere_else() -> None:
    found = states(written(b"x" * 2 * SECTOR, at=100, inode=100), before={"a": b"." * 3 * SECTOR})
    pieces = {
        tuple(bytes(state["a"] or b"")[at : at + 1] for at in (100, SECTOR, 2 * SECTOR))
        for state in found
    }
    assert len(pieces) == 8
    for state in found:
        content = bytes(state["a"] or b"")
        assert len(set(content[100:SECTOR])) == 1
        assert len(set(content[SECTOR : 2 * SECTOR])) == 1


def test_a_file_may_have_its_new_size_but_zeros_for_data() -> None:
    assert {"a": bytes(700)} in states(
        operation(Kind.WRITE, "", 100, data=b"x" * 700), before={"a": b""}
    )


def test_names_change_together_or_not_at_all_until_the_directory_is_synced() -> None:
    move = operation(Kind.RENAME, "new", 100, other="a")
    before: Files = {"new": b"new", "a": b"old"}
    assert sorted(states(move, before=before), key=len) == [{"a": b"new"}, before]
    assert states(move, *synced(ROOT), before=before) == [{"a": b"new"}]


def test_what_was_removed_may_be_back_also_under_a_new_file_with_its_number() -> None:
    found = states(
        operation(Kind.UNLINK, "a", 100),
        created("b", inode=100),
        written(b"b", inode=100),
        before={"a": b"a"},
    )
    assert {"a": b"a"} in found
    assert {"b": b"b"} in found
    assert {"a": b"a", "b": b"b"} in found


def test_a_cut_short_may_be_undone_until_it_is_synced() -> None:
    cut = operation(Kind.TRUNCATE, "a", 100, length=1)
    assert {"a": b"abc"} in states(cut, before={"a": b"abc"})
    assert states(cut, *synced(100), before={"a": b"abc"}) == [{"a": b"a"}]


def test_room_made_beforehand_is_zeros_that_a_sync_keeps() -> None:
    room = operation(Kind.ALLOCATE, "a", 100, length=10)
    assert states(room, *synced(100), before={"a": b"abc"}) == [{"a": b"abc" + bytes(7)}]


def test_a_file_below_a_directory_that_is_not_durable_is_out_of_reach() -> None:
    made = [operation(Kind.MAKE_DIRECTORY, "d", 3), created("d/a"), *synced(3), *synced(FILE)]
    assert {} in states(*made)
    assert states(*made, *synced(ROOT)) == [{"d": None, "d/a": b""}]


def test_a_process_sees_every_change() -> None:
    disk = Disk({"": (ROOT, None)})
    for one in (created("a"), written(b"abc"), operation(Kind.LINK, "a", other="b")):
        disk.apply(one)
    assert disk.seen_by_processes() == {"a": b"abc", "b": b"abc"}


def test_the_same_name_gives_the_same_state() -> None:
    operations = (created("a"), written(b"x" * 5000), written(b"y" * 3000, at=1000))
    recording = Recording("made-up", 0, {"": (ROOT, None)}, b"", operations)
    first = {state.name: state.files for state in crash_states(recording, 200, seed=5)}
    again = {state.name: state.files for state in crash_states(recording, 200, seed=5)}
    assert first == again
    assert len(first) > 20


def test_what_a_failed_fsync_covered_no_later_one_brings_to_the_disk() -> None:
    begin = [created("a"), *synced(ROOT), written(b"x"), *not_synced(), *synced()]
    assert states(*begin) == [{"a": b"x"}]
    assert states(*begin, forgets=True) in ([{"a": bytes(1)}], [{"a": b"x"}])


def test_what_is_written_once_more_after_a_failed_fsync_is_there() -> None:
    begin = [created("a"), *synced(ROOT), written(b"x"), *not_synced()]
    assert states(*begin, written(b"x"), *synced(), forgets=True) == [{"a": b"x"}]
