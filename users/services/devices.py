"""Devices seen with an account."""

from datetime import datetime

from lending.common.crypto import blind_index
from users.models import Device, User
from users.services import collecting


def see(
    *,
    user_id: int,
    fingerprint: str,
    platform: str,
    model: str = "",
    system_version: str = "",
    app_version: str = "",
    is_emulator: bool = False,
    is_rooted: bool = False,
    ip: str,
    at: datetime,
) -> int:
    """Record the device, or that it was seen again; returns its id. Raises as `collecting.allowed`."""
    User.objects.select_for_update().get(pk=user_id)
    consent_id = collecting.allowed(user_id=user_id, kind="device", at=at)
    facts = {
        "fingerprint": fingerprint,
        "platform": platform,
        "model": model,
        "system_version": system_version,
        "app_version": app_version,
        "is_emulator": is_emulator,
        "is_rooted": is_rooted,
        "ip": ip,
        "consent_id": consent_id,
        "last_seen_at": at,
    }
    device, _ = Device.objects.update_or_create(
        user_id=user_id,
        fingerprint_index=blind_index(fingerprint, "device"),
        defaults=facts,
        create_defaults=facts | {"first_seen_at": at},
    )
    return device.pk
