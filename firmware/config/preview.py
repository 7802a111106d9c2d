"""The dry run of a deployment file: what a kiosk with this file would offer."""

from __future__ import annotations

from firmware.config.model import Deployment


def summarise(deployment: Deployment) -> str:
    """Say in a few lines what the kiosk will be and offer."""
    clinic, kiosk, screen = deployment.clinic, deployment.kiosk, deployment.screen
    limits, paths, languages = deployment.limits, deployment.paths, deployment.languages
    offers = []
    if deployment.services.register_today:
        offers.append("same-day registration")
    if deployment.services.cash:
        notes = ", ".join(str(fen // 100) for fen in sorted(limits.accept_fen))
        offers.append(f"cash payment (notes of {notes} yuan)")
    density = screen.width_px / screen.width_mm
    window = "full screen" if screen.fullscreen else "in a window"
    rows = [
        ("kiosk", f"{kiosk.id}, numbers and slips begin with {kiosk.prefix}"),
        ("clinic", f"{clinic.name_zh} / {clinic.name_en} ({clinic.code}), {clinic.timezone}"),
        ("offers", ", ".join(offers) or "nothing"),
        ("gateway", f"{deployment.gateway.url}, authority {deployment.gateway.ca}"),
        *(
            ("device", f"{device.name}: {device.kind.value} ({device.driver}) at {device.port}")
            for device in deployment.device
        ),
        (
            "screen",
            f"{screen.width_px} x {screen.height_px} px, {density:.1f} px/mm, {window}",
        ),
        ("languages", f"{', '.join(languages.available)}; starts in {languages.default}"),
        (
            "limits",
            f"session wiped after {limits.idle_seconds} s, warning at {limits.warning_seconds} s; "
            f"{limits.leased_slots_per_doctor} slots leased per doctor; "
            f"no sale with data older than {limits.data_max_age_hours} h",
        ),
        (
            "staff",
            "see at the screen what needs a person, with their code"
            if deployment.staff.code
            else "see nothing at the screen (outpost staff-code makes them a code)",
        ),
        ("paths", f"state {paths.state}, keys {paths.keys}, sockets {paths.run}"),
    ]
    return "\n".join(f"  {name:<10}{text}" for name, text in rows)
