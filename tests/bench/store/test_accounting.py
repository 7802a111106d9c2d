"""What counts as a write, an fsync and a safe acknowledgement, as the recorder tells it."""

from __future__ import annotations

from tests.bench.store.accounting import Account, Ledger, Part, part_of
from tests.bench.store.contenders import LITEQUEUE, MIRRORED_STORE, PERSIST_FILE, PLAIN_STORE
from tests.crash.operations import Kind, Operation

WAL, DATABASE, SEGMENT = (
    "store.db-wal",
    "store.db",
    "store.db.mirror/000000000001.segment",
)
INODES = {WAL: 1, DATABASE: 2, SEGMENT: 3, "q00000": 4, "queue.db-wal": 5}


def operation(
    kind: Kind, path: str = "", *, data: bytes = b"", length: int = 0, is_synchronous: bool = False
) -> Operation:
    name = path.partition("/")[2]
    return Operation(kind, 1, INODES.get(name, 0), 0, length, path, "", data, is_synchronous)


def write(name: str, path: str, size: int = 10) -> list[Operation]:
    return [operation(Kind.WRITE, f"{name}/{path}", data=bytes(size))]


def sync(name: str, path: str, result: int = 0) -> list[Operation]:
    path = f"{name}/{path}"
    return [operation(Kind.SYNC_BEGIN, path), operation(Kind.SYNC_END, path, length=result)]


def ack(name: str) -> list[Operation]:
    return [operation(Kind.NOTE, data=name.encode() + b"\n")]


def account(name: str, *steps: list[Operation]) -> Account:
    ledger = Ledger()
    for step in steps:
        ledger.read(step)
    return ledger.accounts()[name]


def test_a_write_its_fsync_and_then_the_acknowledgement_is_safe() -> None:
    found = account(PLAIN_STORE, write(PLAIN_STORE, WAL), sync(PLAIN_STORE, WAL), ack(PLAIN_STORE))
    assert (found.acks, found.unsafe) == (1, 0)


def test_an_acknowledgement_before_the_fsync_is_caught() -> None:
    found = account(PLAIN_STORE, write(PLAIN_STORE, WAL), ack(PLAIN_STORE), sync(PLAIN_STORE, WAL))
    assert found.unsafe == 1


def test_an_fsync_that_failed_keeps_nothing() -> None:
    failed = sync(PLAIN_STORE, WAL, result=-1)
    found = account(PLAIN_STORE, write(PLAIN_STORE, WAL), failed, ack(PLAIN_STORE))
    assert (found.unsafe, found.parts[Part.LOG].fsyncs) == (1, 0)


def test_what_is_written_during_an_fsync_is_not_covered_by_it() -> None:
    begin, end = sync(PLAIN_STORE, WAL)
    found = account(
        PLAIN_STORE,
        write(PLAIN_STORE, WAL),
        [begin],
        write(PLAIN_STORE, WAL),
        [end],
        ack(PLAIN_STORE),
    )
    assert found.unsafe == 1


def test_a_mirrored_store_needs_both_its_fsyncs() -> None:
    name = MIRRORED_STORE
    both = [*write(name, WAL), *write(name, SEGMENT)]
    assert account(name, both, sync(name, WAL), ack(name)).unsafe == 1
    assert account(name, both, sync(name, SEGMENT), ack(name)).unsafe == 1
    assert account(name, both, sync(name, SEGMENT), sync(name, WAL), ack(name)).unsafe == 0


def test_a_mirrored_store_that_skips_its_mirror_is_caught() -> None:
    name = MIRRORED_STORE
    assert account(name, write(name, WAL), sync(name, WAL), ack(name)).unsafe == 1


def test_an_acknowledgement_without_any_write_is_caught() -> None:
    once = [*write(PLAIN_STORE, WAL), *sync(PLAIN_STORE, WAL), *ack(PLAIN_STORE)]
    assert account(PLAIN_STORE, once, ack(PLAIN_STORE)).unsafe == 1


def test_a_write_that_is_its_own_fsync_is_safe() -> None:
    path = f"{MIRRORED_STORE}/{SEGMENT}"
    mirrored = [operation(Kind.WRITE, path, data=b"x", is_synchronous=True)]
    log = [*write(MIRRORED_STORE, WAL), *sync(MIRRORED_STORE, WAL)]
    assert account(MIRRORED_STORE, mirrored, log, ack(MIRRORED_STORE)).unsafe == 0


def test_pages_copied_into_the_main_file_may_wait_as_the_log_has_them() -> None:
    logged = [*write(PLAIN_STORE, WAL), *sync(PLAIN_STORE, WAL)]
    found = account(PLAIN_STORE, logged, write(PLAIN_STORE, DATABASE), ack(PLAIN_STORE))
    assert found.unsafe == 0


def test_contenders_are_counted_apart() -> None:
    ledger = Ledger()
    ledger.read(write(LITEQUEUE, "queue.db-wal", 100) + write(PERSIST_FILE, "q00000", 7))
    ledger.read(ack(LITEQUEUE) + ack(PERSIST_FILE))
    assert ledger.accounts()[LITEQUEUE].bytes_per_ack(Part.LOG) == 100
    assert ledger.accounts()[PERSIST_FILE].bytes_per_ack(*Part) == 7


def test_costs_are_counted_from_checkpoint_to_checkpoint() -> None:
    entry = [*write(PLAIN_STORE, WAL, 100), *sync(PLAIN_STORE, WAL), *ack(PLAIN_STORE)]
    checkpoint = [*write(PLAIN_STORE, DATABASE, 50), *sync(PLAIN_STORE, DATABASE)]
    ledger = Ledger()
    ledger.read([*entry, *checkpoint, *entry, *entry, *checkpoint, *entry])
    found = ledger.between_checkpoints(PLAIN_STORE)
    assert (found.acks, found.checkpoints) == (2, 1)
    assert found.fsyncs_per_ack(Part.LOG, Part.DATABASE) == 1.5
    assert found.bytes_per_ack(Part.LOG, Part.DATABASE) == 125


def test_what_it_took_to_make_the_files_is_no_cost_of_an_entry() -> None:
    entry = [*write(PLAIN_STORE, WAL, 100), *sync(PLAIN_STORE, WAL), *ack(PLAIN_STORE)]
    ledger = Ledger()
    ledger.read([*write(PLAIN_STORE, DATABASE, 9_000), *entry, *entry, *entry])
    found = ledger.between_checkpoints(PLAIN_STORE)
    assert (found.acks, found.bytes_per_ack(*Part)) == (2, 100)


def test_files_are_known_by_their_names() -> None:
    assert part_of("store/store.db") is Part.DATABASE
    assert part_of("store/store.db-wal") is Part.LOG
    assert part_of("store-mirror/store.db.mirror/000000000001.segment.new") is Part.MIRROR
    assert part_of("persist-file/info") is Part.FILE
