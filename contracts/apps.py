from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from lending.common import text


class ContractsConfig(AppConfig):
    name = "contracts"
    verbose_name = _("Contracts")

    def ready(self) -> None:
        text.set_printer(_unprintable)


def _unprintable(words: str) -> list[str]:
    from contracts.providers import typefaces  # the fonts' library is loaded by who needs it

    try:
        return typefaces.unsettable(words)
    except typefaces.FontsMissing:
        return []  # this process prints nothing; the one that does refuses for itself
