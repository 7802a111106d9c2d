"""Which service works now, which is queued, and why one does not: known before anything is sold."""

from __future__ import annotations

from datetime import timedelta
from typing import assert_never

from devices.messages import DeviceKind, DeviceState, PaperState, StorageState
from firmware.core.world import World
from firmware.messages.views import Reason, Service, Tile, TileState
from store_forward.contract.facts import ClockTrust


def tile(world: World, service: Service, *, is_identified: bool) -> Tile:
    """Return the state of one tile for this patient."""
    if service is not Service.REGISTER_TODAY:
        return Tile(service, TileState.UNAVAILABLE, Reason.NOT_OFFERED)
    reason = why_not_register(world, needs_card=not is_identified)
    if reason is not Reason.NONE:
        return Tile(service, TileState.UNAVAILABLE, reason)
    return Tile(service, TileState.WORKS if world.online else TileState.QUEUED)


def why_not_register(world: World, *, needs_card: bool) -> Reason:
    """Return why a same-day registration cannot be sold and paid now, NONE when it can."""
    services = world.profile.services
    if not services.register_today or not services.cash:
        return Reason.NOT_OFFERED
    if world.paused is not Reason.NONE:
        return world.paused
    kinds = [DeviceKind.CASH_ACCEPTOR, DeviceKind.RECEIPT_PRINTER]
    if needs_card:
        kinds.insert(0, DeviceKind.ID_READER)
    for kind in kinds:
        reason = why_not_at_work(world, kind)
        if reason is not Reason.NONE:
            return reason
    return why_no_sale(world)


def why_no_sale(world: World) -> Reason:
    """Return what is wrong with data, clock or leases, NONE when slots can be sold."""
    if not world.catalogue.departments or world.catalogue.as_of is None:
        return Reason.STARTING if world.online else Reason.NEEDS_NETWORK
    if world.clock is ClockTrust.INVALID:
        return Reason.CLOCK_NOT_TRUSTED
    if not world.online and world.clock is not ClockTrust.SYNCHRONISED:
        return Reason.CLOCK_NOT_TRUSTED
    oldest = timedelta(hours=world.profile.limits.data_max_age_hours)
    if world.wall - world.catalogue.as_of > oldest:
        return Reason.DATA_TOO_OLD
    if not world.sellable_leases():
        return Reason.NO_SLOTS
    return Reason.NONE


def why_not_at_work(world: World, kind: DeviceKind) -> Reason:
    """Return why the peripheral of this kind cannot work now, NONE when it can."""
    if world.is_at_work(kind):
        return Reason.NONE
    status = world.status(kind)
    if world.device_name(kind) is not None and (
        status is None or status.state is DeviceState.STARTING
    ):
        return Reason.STARTING
    match kind:
        case DeviceKind.ID_READER:
            return Reason.NO_ID_READER
        case DeviceKind.CASH_ACCEPTOR:
            is_full = status is not None and status.storage is StorageState.FULL
            return Reason.CASH_BOX_FULL if is_full else Reason.NO_CASH_ACCEPTOR
        case DeviceKind.RECEIPT_PRINTER:
            is_out = status is not None and status.paper is PaperState.OUT
            return Reason.PAPER_OUT if is_out else Reason.NO_PRINTER
        case _:
            assert_never(kind)
