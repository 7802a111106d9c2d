"""C libraries that tests load into processes with LD_PRELOAD, compiled where the tests run."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
from pathlib import Path

OPTIONS = ("-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror")


def native_library(source: Path) -> Path:
    """The library compiled from one C file, built once for each version of it."""
    digest = hashlib.sha256(source.read_bytes()).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "outpost-tests"
    library = cache / f"{source.stem}-{digest}.so"
    if not library.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            draft = Path(folder) / library.name
            command = ["gcc", *OPTIONS, "-o", str(draft), str(source), "-lpthread", "-ldl"]
            subprocess.run(command, check=True)
            draft.replace(library)
    return library
