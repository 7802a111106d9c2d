"""A start that has to mend something, itself cut at any moment; and starts after a kill."""

from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
import sys
import tempfile
import traceback
from contextlib import suppress
from pathlib import Path

from store_forward.store import Store
from store_forward.store.driver import Access, open_connection
from store_forward.store.errors import StoreError
from tests.crash.blow import Blow
from tests.crash.damage import DAMAGES
from tests.crash.kiosk import KIOSK, STORE
from tests.crash.notebook import Accepted, Answered, Notebook, Refused
from tests.crash.promises import promises
from tests.crash.recording import files_in, write_files
from tests.crash.workloads.enqueue import groups
from tests.unit.store.builders import receipt

MENDED = sorted(name for name, (_, blow) in DAMAGES.items() if blow is Blow.DAMAGE)
"""Damages after which a start must bring back everything."""


def prepare(folder: Path, rng: random.Random, notebook: Notebook) -> None:
    """A kiosk that lost its power, and then something happened to its disk."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as elsewhere:
        alive = Path(elsewhere)
        with KIOSK.boot(alive) as store:
            for group in groups(rng, 1, 6):
                notebook.append(store.journal, group)
            notebook.note(Answered(store.outbox.record_answer(receipt(store, 1, 3), [])))
            before = files_in(alive)
            for group in groups(rng, 1001, 6):
                notebook.append(store.journal, group)
            now = files_in(alive)
    damage, _ = DAMAGES[rng.choice(MENDED)]
    write_files(damage(now, before, rng), folder)


def recover(folder: Path, rng: random.Random, notebook: Notebook) -> None:
    """Start, mend, go on."""
    with KIOSK.boot(folder) as store:
        for group in groups(rng, 2001, 2):
            notebook.append(store.journal, group)


def restart_after_kills(folder: Path, rng: random.Random, notebook: Notebook) -> None:
    """Core is killed in the middle of its work; what the next start finds in the journal counts
    from then on, and what it does not find never comes back."""
    for first in range(1001, 6001, 1000):
        kill = {"OUTPOST_RECORD_KILL": str(rng.randint(5, 120))}
        _fork_core(folder, first, rng, kill, expected=(0, -signal.SIGKILL))
        with KIOSK.boot(folder) as store:
            offered = promises(notebook.read()).offered
            if offered is not None:
                newest = [row.body for row in store.journal.read()][-len(offered) :]
                notebook.note(Accepted() if newest == list(offered) else Refused())
            for group in groups(rng, first + 500, 2):
                notebook.append(store.journal, group)


FAILURES = (
    f"write:-wal:{errno.ENOSPC}:7",
    f"write:-wal:{errno.EIO}:5",
    f"sync:-wal:{errno.EIO}:3",
    f"sync:.segment:{errno.EIO}:3",
    f"write:.segment:{errno.EIO}:3",
    f"write:.segment.new:{errno.ENOSPC}:2",
)
"""A disk that is full or fails now and then, at the log or at the mirror."""


MOST_STARTS = 20

FORGOTTEN = ("-wal", ".segment", "store.db", "nothing")
"""Whose fsyncs fail now and then, at last none: what was forgotten stays so."""


def work_on_a_failing_disk(folder: Path, rng: random.Random, notebook: Notebook) -> None:
    """Now and then the disk refuses a write or an fsync; what was refused never comes back."""
    for first, failure in zip(range(1001, 9001, 1000), FAILURES, strict=False):
        _fork_core(folder, first, rng, {"OUTPOST_RECORD_FAIL": failure})


def work_on_a_forgetful_disk(folder: Path, rng: random.Random, notebook: Notebook) -> None:
    """Fsyncs fail; core goes on by opening its store anew, or is started anew; sync is there all
    the while, so that the log stays, or is not."""
    rounds = [(file, anew) for file in FORGOTTEN for anew in ("reopen", "start")]
    for first, (file, anew) in enumerate(rounds, start=1):
        every = rng.randint(2, 7)
        more = {"OUTPOST_RECORD_FAIL": f"sync:{file}:{errno.EIO}:{every}"}
        if rng.random() < 0.5:
            with KIOSK.open_as_guest(folder):
                _run_core(folder, 1000 * first, rng, more, anew)
        else:
            _fork_core(folder, 1000 * first, rng, more, anew=anew)


def _fork_core(
    folder: Path,
    first: int,
    rng: random.Random,
    more: dict[str, str],
    expected: tuple[int, ...] = (0,),
    anew: str = "start",
) -> None:
    """Work in a process of its own, under other conditions: the recorder reads them in the fork.

    No store may be open here, because SQLite's locks do not go over to a fork.
    """
    seed = str(rng.random())
    before = os.environ.copy()
    os.environ.update(more)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            WAYS[anew](folder, first, random.Random(seed))
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    for name in more.keys() - before.keys():
        del os.environ[name]
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if code not in expected:
        raise RuntimeError(f"core ended with {code}")


def _run_core(
    folder: Path, first: int, rng: random.Random, more: dict[str, str], anew: str
) -> None:
    """The same beside an open store, by a start of Python."""
    subprocess.run(
        [sys.executable, "-P", "-m", __name__, str(folder), str(first), str(rng.random()), anew],
        env=os.environ | more,
        check=True,
    )


def _work(folder: Path, first: int, rng: random.Random) -> None:
    """As core does: begins anew when the store is not to be used any more."""
    notebook = Notebook(folder)
    waiting = list(groups(rng, first, 8))
    for _ in range(MOST_STARTS):
        try:
            with KIOSK.boot(folder) as store:
                while waiting:
                    notebook.append(store.journal, waiting.pop(0))
                return
        except StoreError:
            pass


def _work_and_reopen(folder: Path, first: int, rng: random.Random) -> None:
    """As core does while it lives: the store is opened anew and compared, then business goes on.
    The log is copied into the main file now and then."""
    notebook = Notebook(folder)
    waiting = list(groups(rng, first, 8))
    with KIOSK.boot(folder) as store:
        for _ in range(MOST_STARTS):
            try:
                while waiting:
                    notebook.append(store.journal, waiting.pop(0))
                    if rng.random() < 0.4:
                        _copy_log(folder)
                return
            except StoreError:
                _reopen(store)


def _copy_log(folder: Path) -> None:
    connection = open_connection(folder / STORE, KIOSK.key, Access.WRITE)
    try:
        connection.row("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()


def _reopen(store: Store) -> None:
    for _ in range(MOST_STARTS):
        with suppress(StoreError):
            store.reopen()
            return


WAYS = {"start": _work, "reopen": _work_and_reopen}
"""How core goes on after an error of the disk."""


if __name__ == "__main__":
    WAYS[sys.argv[4]](Path(sys.argv[1]), int(sys.argv[2]), random.Random(sys.argv[3]))
