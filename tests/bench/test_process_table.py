"""What processes cost, read from /proc."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from firmware.demo.bench.process_table import family, memory, processor_seconds

SLEEPS = [sys.executable, "-c", "import time; print(flush=True); time.sleep(60)"]


def test_a_family_is_the_process_and_all_its_descendants() -> None:
    with subprocess.Popen(SLEEPS, stdout=subprocess.PIPE) as child:
        try:
            assert {os.getpid(), child.pid} <= set(family(os.getpid()))
            assert family(child.pid) == [child.pid]
        finally:
            child.kill()


def test_processor_time_grows_with_work_and_not_with_waiting() -> None:
    with subprocess.Popen(SLEEPS, stdout=subprocess.PIPE) as child:
        try:
            assert child.stdout is not None
            child.stdout.readline()
            waiting = processor_seconds([child.pid])
            before = processor_seconds([os.getpid()])
            until = time.process_time() + 0.1
            while time.process_time() < until:
                pass
            assert processor_seconds([os.getpid()]) - before >= 0.08
            assert processor_seconds([child.pid]) - waiting <= 0.02
        finally:
            child.kill()


def test_memory_shared_with_others_counts_in_part_only() -> None:
    held = memory([os.getpid()])
    assert 1 < held.pss <= held.rss < 100_000
