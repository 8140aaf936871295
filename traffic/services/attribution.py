"""Whose borrower it was when money was granted: found once, and never looked for again."""

from datetime import datetime, timedelta

from lending import queries as lending
from traffic.models import Attribution, Channel, Touch
from traffic.rules import attribution
from traffic.services import prechecks


def freeze_attribution(*, application_id: int, at: datetime) -> None:
    """At the grant; a second time changes nothing."""
    if Attribution.objects.filter(application_id=application_id).exists():
        return
    application = lending.application(application_id)
    channels = {channel.pk: channel for channel in Channel.objects.all()}
    if application.channel_code not in channels:
        return  # the status push of the same event says so, loudly
    touches = [
        attribution.Touch(str(row.channel_id), row.kind, row.at)
        for row in Touch.objects.filter(user_id=application.user_id, at__lte=at)
    ]
    hold = timedelta(seconds=lending.lifetime_seconds("precheck_hold"))
    touches += prechecks.held_by(application.user_id, application.created_at, hold)
    found = attribution.credit(
        came_by=application.channel_code,
        started_at=application.created_at,
        granted_at=at,
        touches=touches,
        days={str(code): channel.attribution_days or 0 for code, channel in channels.items()},
        hold=hold,
    )
    Attribution.objects.create(
        application_id=application_id,
        channel_id=found.channel,
        first_id=found.first,
        last_id=found.last,
        rule=found.rule,
        frozen_at=at,
    )
