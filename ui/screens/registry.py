"""Which body shows which view: one entry for each kind of screen."""

from __future__ import annotations

from typing import Any

from firmware.messages import staff, views
from ui.screens.attract import AttractBody
from ui.screens.body import Body
from ui.screens.cancelled import CancelledBody
from ui.screens.case import CaseBody
from ui.screens.confirm import ConfirmBody
from ui.screens.department import DepartmentBody
from ui.screens.doctor import DoctorBody
from ui.screens.done import DoneBody
from ui.screens.home import HomeBody
from ui.screens.identify import IdentifyBody
from ui.screens.out_of_service import OutOfServiceBody
from ui.screens.pay import PayBody
from ui.screens.slot import SlotBody
from ui.screens.staff import StaffBody
from ui.screens.staff_code import StaffCodeBody

BODIES: dict[type[Any], type[Body]] = {
    views.AttractView: AttractBody,
    views.HomeView: HomeBody,
    views.IdentifyView: IdentifyBody,
    views.DepartmentView: DepartmentBody,
    views.DoctorView: DoctorBody,
    views.SlotView: SlotBody,
    views.ConfirmView: ConfirmBody,
    views.PayView: PayBody,
    views.DoneView: DoneBody,
    views.CancelledView: CancelledBody,
    views.CaseView: CaseBody,
    views.OutOfServiceView: OutOfServiceBody,
    staff.StaffCodeView: StaffCodeBody,
    staff.StaffView: StaffBody,
}
