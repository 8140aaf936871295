"""The known numbers of debt collectors: one list, replaced as a whole, each time as a new version."""

from collections.abc import Mapping
from datetime import datetime

from lending.common.errors import Invalid
from users.models import CollectorList, CollectorNumber
from users.rules import collectorfile, csvfile
from users.services import acts, collected

MAY_REPLACE = "users.replace_collectors"
AT_ONCE = 2_000


class BadCollectorFile(Invalid):
    """Data `lines`: [(line, fault)], 0 for the file as a whole."""

    code, title = "bad_collector_file", "The file cannot be taken"


def replace(*, content: bytes, by: str, reason: str, at: datetime) -> int:
    """Every line of the file as the list from now on, or nothing of it; the number of the version.

    Numbers become blind indexes on the way in. Raises BadCollectorFile with every fault and its line, NotAllowed,
    ReasonRequired.
    """
    acts.require(by=by, permission=MAY_REPLACE)
    kept = acts.checked(reason)
    try:
        sources = collectorfile.read(content)
    except csvfile.BadFile as error:
        raise BadCollectorFile(str(error), lines=error.faults) from None
    last = CollectorList.objects.select_for_update().order_by("-version").first()
    version = 1 + (last.version if last else 0)
    before = CollectorNumber.objects.count()
    CollectorNumber.objects.all().delete()
    CollectorNumber.objects.bulk_create(_rows(sources, at), batch_size=AT_ONCE)
    CollectorList.objects.create(version=version, numbers=len(sources), before=before, by=by, reason=kept, at=at)
    acts.record(
        by=by,
        act="replace_collectors",
        subject=f"collectorlist:{version}",
        reason=reason,
        at=at,
        permission=MAY_REPLACE,
    )
    return version


def _rows(sources: Mapping[str, str], at: datetime) -> list[CollectorNumber]:
    return [
        CollectorNumber(number_index=collected.collector_index(scrambled), source=source, added_at=at)
        for scrambled, source in sources.items()
    ]
