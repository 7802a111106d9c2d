"""``outpost`` as a process of its own, hundreds of times: started once, each command is a fork.

Everything that the command line imports is loaded before the first command, which is most of what
a command costs. Each one then runs in a process of its own, with its own output and exit code.
``python -m tests.fakes.forking_outpost`` reads one command a line and answers each with a line.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from devices.receipt_printer.document import Line, SlipDocument
from devices.receipt_printer.encoder import encode
from tests.fakes.command_line import Ended, environment

PRELOADED = (
    "asyncio",
    "ssl",
    "firmware.assembly.kiosk",
    "firmware.cli",
    "firmware.commands.backup",
    "firmware.commands.gateway_courier",
    "firmware.config.loader",
    "firmware.core.service",
    "firmware.core.upkeep",
    "store_forward.gateway.courier_import",
    "store_forward.store.archive.backup",
    "store_forward.store.archive.courier",
    "store_forward.store.archive.restore",
    "store_forward.store.audit.sealed",
    "store_forward.store.audit.verify",
    "store_forward.store.keyring.changing",
    "store_forward.store.keyring.looking",
    "store_forward.store.keyring.recovering",
    "store_forward.store.migrations",
    "uuid6",
)

LONGEST_SECONDS = 20.0


class Outpost:
    """Runs commands. A service (``core``) is ended by SIGTERM as soon as it says that it is ready;
    its exit code is that of a service that had started then."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def __call__(self, *words: str | Path) -> Ended:
        source, target = self._process.stdout, self._process.stdin
        assert source is not None
        assert target is not None
        target.write(json.dumps([str(word) for word in words]) + "\n")
        target.flush()
        code, out, err = json.loads(source.readline())
        return Ended(code, out, err)


@contextmanager
def forking_outpost() -> Iterator[Outpost]:
    """Start it, and end it with the block."""
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "tests.fakes.forking_outpost"],
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Outpost(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()


def _serve() -> None:
    for name in PRELOADED:
        importlib.import_module(name)
    encode(SlipDocument((Line("凭条"),)))  # loads what core loads behind its first moment
    gc.collect()
    gc.freeze()  # else each child copies what its collector looks at
    with tempfile.TemporaryDirectory() as folder:
        for line in sys.stdin:
            print(json.dumps(_run(json.loads(line), Path(folder))), flush=True)


def _run(words: Sequence[str], folder: Path) -> tuple[int, str, str]:
    out, err, notices = (folder / name for name in ("out", "err", "notices"))
    notices.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(str(notices))
        pid = os.fork()
        if pid == 0:
            _become(words, out, err, notices)
        code = _ended(pid, told)
    return code, out.read_text(errors="replace"), err.read_text(errors="replace")


def _become(words: Sequence[str], out: Path, err: Path, notices: Path) -> None:
    """In the child: run the command and end, without what the parent would still do."""
    os.environ["NOTIFY_SOCKET"] = str(notices)
    for number, path in ((1, out), (2, err)):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(descriptor, number)
        os.close(descriptor)
    from firmware.cli import main

    code = 1
    try:
        code = main(words)
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _ended(pid: int, told: socket.socket) -> int:
    """Wait for the end; a service that has told that it is ready is asked to end."""
    descriptor = os.pidfd_open(pid)
    try:
        with selectors.DefaultSelector() as waiting:
            waiting.register(descriptor, selectors.EVENT_READ)
            waiting.register(told, selectors.EVENT_READ)
            while True:
                ready = {key.fileobj for key, _ in waiting.select(LONGEST_SECONDS)}
                if descriptor in ready or not ready:
                    break
                if b"READY=1" in told.recv(4096):
                    signal.pidfd_send_signal(descriptor, signal.SIGTERM)
            if not ready:
                signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    finally:
        os.close(descriptor)


if __name__ == "__main__":
    _serve()
