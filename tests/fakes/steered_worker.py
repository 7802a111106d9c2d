"""A real worker process whose driver is steered over its port, one word a line.

The test holds the other end of the pty. It writes ``crash``, ``hang``, ``flood``, ``shout``,
``garble``, ``exit`` or ``say <event as JSON>``; the driver writes back ``born``, ``got <command>``
and ``closed``.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import tty
from collections.abc import Sequence

import msgspec

from devices.driver import LinkLost
from devices.messages import Command, Event
from firmware.supervisor.worker import run_worker


class SteeredDriver:
    def __init__(self, port: str) -> None:
        try:
            self._port = os.open(port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        except OSError as error:
            raise LinkLost(f"{port}: {error.strerror}") from error
        tty.setraw(self._port)
        self._pending = b""
        self._tell("born")

    def execute(self, command: Command) -> Sequence[Event]:
        self._tell("got " + msgspec.json.encode(command).decode())
        return ()

    def run_once(self) -> Sequence[Event]:
        try:
            data = os.read(self._port, 4096)
        except BlockingIOError:
            return ()
        except OSError as error:
            raise LinkLost(f"port: {error.strerror}") from error
        if not data:
            raise LinkLost("port: hung up")
        self._pending += data
        *lines, self._pending = self._pending.split(b"\n")
        return [event for line in lines for event in self._obey(line.decode())]

    def close(self) -> None:
        try:
            self._tell("closed")
        except OSError as error:
            raise LinkLost(f"port: {error.strerror}") from error

    def _tell(self, words: str) -> None:
        os.write(self._port, words.encode() + b"\n")

    def _obey(self, line: str) -> Sequence[Event]:
        word, _, rest = line.partition(" ")
        match word:
            case "say":
                return [msgspec.json.decode(rest, type=Event)]
            case "crash":
                raise RuntimeError("told to crash")
            case "hang":
                time.sleep(3600)
            case "exit":
                os._exit(3)
            case "flood":
                while True:
                    os.write(1, b'{"type":"heartbeat"}\n' * 100)
            case "shout":
                os.write(1, b"x" * 200_000 + b"\n")
            case "garble":
                os.write(1, b"{not json\n")
                print("complaint", file=sys.stderr, flush=True)
        return ()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", required=True)
    port = parser.parse_args().port
    sys.exit(run_worker(lambda: SteeredDriver(port)))
