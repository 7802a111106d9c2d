"""Command line of the recipe: ``python -m image_build plan --target x86_64``."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from image_build.overlay import OverlayError, write_overlay
from image_build.recipe import SUITE, plan
from image_build.targets import Target, TargetError, load_target, target_names

_DESCRIPTION = """\
Image recipe of the Outpost kiosk.

There is no image yet. "plan" prints every step from Debian packages to a disk image with the
package list; steps marked [runs] work in this version, steps marked [not yet] do not and
show a draft of their command.
"overlay" does the first step: it writes the product's systemd units, users and folders."""

_EXAMPLES = """\
examples:
  python -m image_build plan --target x86_64          what a kiosk PC's image will contain
  python -m image_build plan --target rpi             the same for a Raspberry Pi
  python -m image_build overlay --target rpi --into /tmp/overlay
                                                      then look at /tmp/overlay/usr/lib/systemd

exit status: 0 done, 2 wrong arguments or target files (the reason is on standard error)"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one sub-command and return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        target = load_target(options.target)
        if options.command == "plan":
            print(render_plan(target, options.out))
        else:
            for placed in write_overlay(options.into):
                print(f"{placed.path}  {placed.origin}")
    except (TargetError, OverlayError) as error:
        print(f"image_build: {error}", file=sys.stderr)
        return 2
    return 0


def render_plan(target: Target, out: Path) -> str:
    """The plan as text."""
    lines = [
        f"target      {target.name}: {target.description}",
        f"Debian      {SUITE}, {target.debian_architecture}",
        f"boot loader {target.bootloader}",
        "",
    ]
    for number, step in enumerate(plan(target, out), start=1):
        lines.append(f"{number}. {step.name} [{'runs' if step.runs else 'not yet'}]: {step.why}")
        lines += [f"     {shlex.join(command)}" for command in step.commands]
    lines += ["", f"packages ({len(target.packages)}):"]
    lines += [f"  {package}" for package in target.packages]
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m image_build",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, what in (
        ("plan", "print the steps and the package list; changes nothing"),
        ("overlay", "write the product's units, users and folders into a folder"),
    ):
        command = commands.add_parser(name, help=what, description=what)
        command.add_argument(
            "--target", required=True, metavar="NAME", help=f"one of: {', '.join(target_names())}"
        )
        if name == "plan":
            command.add_argument(
                "--out",
                type=Path,
                default=Path("build/image"),
                metavar="DIR",
                help="folder the steps would write to (default: %(default)s)",
            )
        else:
            command.add_argument(
                "--into", type=Path, required=True, metavar="DIR", help="root to write below"
            )
    return parser


if __name__ == "__main__":
    sys.exit(main())
