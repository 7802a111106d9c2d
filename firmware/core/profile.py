"""What core needs of the deployment file."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from firmware.config.model import Deployment
from firmware.core.world import Profile
from firmware.messages.views import Language, Text


def profile_of(deployment: Deployment) -> Profile:
    """Return this kiosk's profile. Of two peripherals of a kind the first one is used.

    Raises:
        ValueError, ZoneInfoNotFoundError: the file was not checked by the loader.
    """
    languages = deployment.languages
    others = [name for name in languages.available if name != languages.default]
    names = {device.kind: device.name for device in reversed(deployment.device)}
    return Profile(
        kiosk=deployment.kiosk.id,
        prefix=deployment.kiosk.prefix,
        clinic=Text(deployment.clinic.name_zh, deployment.clinic.name_en),
        timezone=ZoneInfo(deployment.clinic.timezone),
        limits=deployment.limits,
        services=deployment.services,
        languages=tuple(Language(name) for name in (languages.default, *others)),
        device_names=names,
        staff_code=deployment.staff.code,
    )
