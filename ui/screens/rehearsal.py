"""What bodies show before anyone sees them: as many cards and lines as a patient usually meets.

Most of what a first visit costs is building cards, opening fonts, drawing pictures and finding a
place for everything. A body that has shown these made-up views once need only change its texts.
"""

from __future__ import annotations

from typing import Any

from firmware.messages.views import (
    ConfirmView,
    DepartmentRow,
    DepartmentView,
    DoctorRow,
    DoctorView,
    DoneView,
    HomeView,
    NoteState,
    PayView,
    Reason,
    Service,
    SlipState,
    SlotRow,
    SlotView,
    Text,
    Tile,
    TileState,
    View,
)

_PROP = Text("国", "M")
"""Stands where a text will be: opens the font and gives the line its height."""

_TIME = "00:00"


def _home(state: TileState, reason: Reason) -> HomeView:
    return HomeView(tuple(Tile(service, state, reason) for service in Service))


_ROWS = 5
_SLOTS = 12
_DEPARTMENT = DepartmentRow("", _PROP, _PROP)
_DOCTOR = DoctorRow("", _PROP, _PROP, _PROP, 0, 0, _TIME, sellable=True)

TYPICAL_VIEWS: dict[type[Any], tuple[View, ...]] = {
    # Twice: a tile's pictogram has another ink when the service is not offered.
    HomeView: (
        _home(TileState.UNAVAILABLE, Reason.NOT_OFFERED),
        _home(TileState.WORKS, Reason.NONE),
    ),
    DepartmentView: (DepartmentView("", (_DEPARTMENT,) * _ROWS, 0, 1),),
    DoctorView: (
        DoctorView(_PROP, (_PROP,) * 2, None, (_PROP,) * 2, None, (_DOCTOR,) * _ROWS, 0, 1),
    ),
    SlotView: (
        SlotView(_PROP, _PROP, _PROP, (SlotRow("", 0, _TIME, _TIME),) * _SLOTS, 0, 1, _TIME),
    ),
    ConfirmView: (
        ConfirmView(
            *("M", "0", True, _PROP, _PROP, _PROP, _PROP, 0, _TIME, _TIME, 0), provisional=True
        ),
    ),
    # Without its large picture, which is drawn once and then kept: 20 MB for a moment.
    PayView: (PayView(0, 0, (0,), NoteState.INTERRUPTED),),
    DoneView: (
        DoneView(
            *(0, _PROP, _PROP, _PROP, _TIME, _TIME, SlipState.PRINTED, "0", 0, 0),
            provisional=True,
            card_present=True,
        ),
    ),
}
