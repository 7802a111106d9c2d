"""A piece of paper that came out of an emulated printer."""

from __future__ import annotations

from dataclasses import dataclass, field

from devices.receipt_printer.paper import Row


@dataclass(slots=True)
class PrintedSlip:
    """A piece of paper that came out, cut off or torn off."""

    number: int
    rows: list[Row] = field(default_factory=list)
    is_complete: bool = True
    is_torn: bool = False
    notes: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The words, one printed line a line, without blank lines at either end."""
        return "\n".join(row.text.rstrip() for row in self.rows).strip("\n")

    def render_png(self) -> bytes:
        """Show the slip as thermal paper (PNG, 8 dots a millimetre)."""
        # Pillow costs a second and 15 MB; only who looks at slips pays for it.
        from devices.receipt_printer.paper_image import render_png

        return render_png(self.rows, seed=self.number)
