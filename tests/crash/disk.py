"""A disk as POSIX promises it: only what was fsynced must be there after a power cut.

Files and directories are nodes. Each has a durable content and a list of changes made since, in
order. After a cut any selection of these changes may have reached the disk: some, all, none, later
ones without earlier ones, and of a write any of its sectors. An fsync of a file makes its content
and size durable, one of a directory the names in it; a new file needs both. Stricter than any file
system in use, so what survives here survives there.

A disk that ``forgets`` does what Linux does after an fsync that failed: the pages count as clean.
Processes still see them, the next fsync says 0, and they are on no disk unless somebody writes them
once more.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from tests.crash.operations import Kind, Operation

SECTOR_BYTES = 512
"""The unit that a disk writes whole or not at all."""


@dataclass(frozen=True)
class Write:
    """Bytes put at an offset, in or beyond the end of the file."""

    offset: int
    data: bytes


@dataclass(frozen=True)
class Resize:
    """The file ends here from now on."""

    size: int


@dataclass(frozen=True)
class Extend:
    """The file is at least this long from now on, filled with zeros."""

    size: int


@dataclass(frozen=True)
class Names:
    """Names that disappeared and appeared together, as ``(directory, name)``."""

    gone: tuple[tuple[Node, str], ...]
    come: tuple[tuple[Node, str, Node], ...]

    def directories(self) -> set[Node]:
        """Those in which a name changed."""
        return {node for node, _ in self.gone} | {node for node, _, _ in self.come}


Content = Write | Resize | Extend


@dataclass(frozen=True)
class Change:
    """One change that is not durable yet. ``number`` is its place in the recording; ``node`` the
    file, for names the root."""

    number: int
    node: Node
    what: Content | Names


@dataclass(eq=False)
class Node:
    """A file or directory. ``entries`` are the durable names, ``live`` those a process sees."""

    is_directory: bool
    content: bytearray = field(default_factory=bytearray)
    entries: dict[str, Node] = field(default_factory=dict)
    live: dict[str, Node] = field(default_factory=dict)
    pending: list[Change] = field(default_factory=list)
    syncing: dict[int, int] = field(default_factory=dict)
    """Thread → how many of the pending changes its running fsync covers, as the last number."""


Survives = Callable[[Change], Sequence[Content | Names]]
"""What a power cut leaves of a change: the whole, pieces of it, or nothing."""


class Unreplayable(Exception):
    """The recording contradicts itself, or holds something the model cannot know."""


class Disk:
    """The state of the disk while operations come in; ``survivors`` is what a cut leaves."""

    def __init__(
        self, initial: dict[str, tuple[int, bytes | None]], *, forgets: bool = False
    ) -> None:
        """``initial``: path → inode and content (None for a directory); "" is the root."""
        self._forgets = forgets
        self.root = Node(is_directory=True)
        self._nodes: dict[int, Node] = {}
        self._all = [self.root]
        for path in sorted(initial):
            inode, content = initial[path]
            if path == "":
                self._nodes[inode] = self.root
                continue
            node = self._nodes.get(inode) or self._new(inode, is_directory=content is None)
            node.content = bytearray(content or b"")
            directory, name = self._place(path)
            directory.live[name] = directory.entries[name] = node
        self._number = 0

    def apply(self, operation: Operation) -> None:
        """Let the operation happen."""
        self._number += 1
        match operation.kind:
            case Kind.CREATE | Kind.MAKE_DIRECTORY:
                self._create(operation)
            case Kind.WRITE:
                self._change(operation, Write(operation.offset, operation.data))
                if operation.synchronous:
                    self._settle(self._node(operation), self._number)
            case Kind.TRUNCATE:
                self._change(operation, Resize(operation.length))
            case Kind.ALLOCATE:
                self._change(operation, Extend(operation.offset + operation.length))
            case Kind.SYNC_BEGIN:
                self._node(operation).syncing[operation.thread] = self._number
            case Kind.SYNC_END:
                covered = self._node(operation).syncing.pop(operation.thread)
                if operation.length == 0:
                    self._settle(self._node(operation), covered)
                elif self._forgets:
                    self._forget(self._node(operation), covered)
            case Kind.RENAME:
                old, new = self._place(operation.path), self._place(operation.other)
                node = old[0].live[old[1]]
                if new[0].live.get(new[1]) is not node:  # else two links of one file: no change
                    self._rename(Names((old,), ((*new, node),)))
            case Kind.LINK:
                node = self._named(operation.path)
                self._rename(Names((), ((*self._place(operation.other), node),)))
            case Kind.UNLINK | Kind.REMOVE_DIRECTORY:
                self._rename(Names((self._place(operation.path),), ()))
            case Kind.NOTE:
                pass
            case Kind.FAULT:
                raise Unreplayable(f"the recorder cannot follow: {operation}")

    def pending(self) -> list[Change]:
        """All changes that are not durable, in the order they were made."""
        changes = {change.number: change for node in self._all for change in node.pending}
        return [changes[number] for number in sorted(changes)]

    def survivors(self, survives: Survives) -> dict[str, bytes | None]:
        """Path → content (None for a directory) of everything reachable after a cut."""
        entries: dict[int, dict[str, Node]] = {}
        contents: dict[int, bytearray] = {}
        for change in self.pending():
            for what in survives(change):
                if isinstance(what, Names):
                    for directory, name in what.gone:
                        entries.setdefault(id(directory), dict(directory.entries)).pop(name, None)
                    for directory, name, node in what.come:
                        entries.setdefault(id(directory), dict(directory.entries))[name] = node
                    continue
                content = contents.get(id(change.node))
                if content is None:
                    content = contents[id(change.node)] = bytearray(change.node.content)
                _put(content, what)
        found: dict[str, bytes | None] = {}
        for path, node in _walk(self.root, "", lambda node: entries.get(id(node), node.entries)):
            content_now = contents.get(id(node), node.content)
            found[path] = None if node.is_directory else bytes(content_now)
        return found

    def seen_by_processes(self) -> dict[str, bytes | None]:
        """What a running process finds: every change, in order."""
        found: dict[str, bytes | None] = {}
        for path, node in _walk(self.root, "", lambda node: node.live):
            content = bytearray(node.content)
            for change in node.pending:
                if not isinstance(change.what, Names):
                    _put(content, change.what)
            found[path] = None if node.is_directory else bytes(content)
        return found

    # --- inside ---------------------------------------------------------------------------------

    def _create(self, operation: Operation) -> None:
        directory, name = self._place(operation.path)
        if name in directory.live:
            return  # two processes made it together; both saw it missing
        node = self._new(operation.inode, is_directory=operation.kind is Kind.MAKE_DIRECTORY)
        self._rename(Names((), ((directory, name, node),)))

    def _new(self, inode: int, *, is_directory: bool) -> Node:
        """A node of this inode; what had the number before may still have a durable name."""
        node = self._nodes[inode] = Node(is_directory)
        self._all.append(node)
        return node

    def _change(self, operation: Operation, what: Content) -> None:
        node = self._node(operation)
        node.pending.append(Change(self._number, node, what))

    def _rename(self, names: Names) -> None:
        for directory, name in names.gone:
            del directory.live[name]
        for directory, name, node in names.come:
            directory.live[name] = node
        change = Change(self._number, self.root, names)
        for directory in names.directories():
            directory.pending.append(change)

    def _settle(self, node: Node, covered: int) -> None:
        """Make durable what the fsync covers."""
        settled = [change for change in node.pending if change.number <= covered]
        node.pending = [change for change in node.pending if change.number > covered]
        for change in settled:
            what = change.what
            if not isinstance(what, Names):
                _put(node.content, what)
                continue
            for directory, name in what.gone:
                directory.entries.pop(name, None)
            for directory, name, named in what.come:
                directory.entries[name] = named
            for directory in what.directories():  # a move: out of the other's list, too
                directory.pending = [one for one in directory.pending if one is not change]

    def _forget(self, node: Node, covered: int) -> None:
        """An fsync failed: nothing, or some sectors, of what it covers is on the disk, for good.

        How long the file is stands elsewhere on the disk and may still become durable.
        """
        rng = random.Random(self._number)
        share = rng.choice((0.0, 0.0, 0.5))
        for place, change in enumerate(node.pending):
            what = change.what
            if change.number > covered or not isinstance(what, Write):
                continue
            for piece in sectors(what):
                if rng.random() < share:
                    _put(node.content, piece)
            size = Extend(what.offset + len(what.data))
            node.pending[place] = Change(change.number, node, size)

    def _node(self, operation: Operation) -> Node:
        try:
            return self._nodes[operation.inode]
        except KeyError:
            raise Unreplayable(f"nobody saw this file being made: {operation}") from None

    def _named(self, path: str) -> Node:
        node = self.root
        for name in path.split("/") if path else []:
            node = node.live[name]
        return node

    def _place(self, path: str) -> tuple[Node, str]:
        folder, _, name = path.rpartition("/")
        return self._named(folder), name


def _put(content: bytearray, what: Content) -> None:
    match what:
        case Write(offset=offset, data=data):
            if len(content) < offset:
                content.extend(bytes(offset - len(content)))
            content[offset : offset + len(data)] = data
        case Resize(size=size):
            del content[size:]
            content.extend(bytes(size - len(content)))
        case Extend(size=size):
            content.extend(bytes(max(0, size - len(content))))


def _walk(
    node: Node, path: str, names: Callable[[Node], dict[str, Node]]
) -> Iterator[tuple[str, Node]]:
    for name, child in sorted(names(node).items()):
        below = f"{path}/{name}" if path else name
        yield below, child
        if child.is_directory:
            yield from _walk(child, below, names)


def sectors(write: Write) -> Iterator[Write]:
    """The write in pieces that the disk writes one by one, by sectors of the file."""
    at = 0
    while at < len(write.data):
        offset = write.offset + at
        size = SECTOR_BYTES - offset % SECTOR_BYTES
        yield Write(offset, write.data[at : at + size])
        at += size
