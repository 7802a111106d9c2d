"""Empty modules in place of heavy ones that a library imports and we never reach.

python-escpos draws bar codes and images, python-stdnum calls web services, uuid6 reads its own
version from its package. We use none of that, but importing it costs 3 to 7 MB in each process.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType


@contextmanager
def stand_ins(modules: Mapping[str, Mapping[str, object]]) -> Iterator[None]:
    """Import inside this: each module named has only the attributes given.

    A module that is loaded already stays itself. Afterwards the names lead to the real modules
    again; only what was imported inside keeps the empty ones.
    """
    missing = {name: given for name, given in modules.items() if sys.modules.get(name) is None}
    # None forbids an import, see sys.modules in the language reference: that is kept as well.
    forbidden = {name: None for name in missing if name in sys.modules}
    packages: dict[str, ModuleType] = {}  # "import a.b" looks for b in a too
    for name, given in missing.items():
        sys.modules[name] = module = ModuleType(name, "Stands in for a module not needed here.")
        module.__dict__.update(given)
        package, _, last = name.rpartition(".")
        if package in sys.modules and package not in missing:
            packages[last] = sys.modules[package]
            setattr(packages[last], last, module)
    try:
        yield
    finally:
        for last, holder in packages.items():
            delattr(holder, last)
        for name in missing:
            del sys.modules[name]
        sys.modules.update(forbidden)  # type: ignore[arg-type]
