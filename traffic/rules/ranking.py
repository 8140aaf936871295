"""In which order offers of platforms are shown: by odds, then by what they cost the borrower. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

PRIOR, WEIGHT = Decimal("0.5"), 20  # before anything is known: even odds, worth as much as 20 answers
BAND = Decimal("0.05")  # odds nearer to each other than this are alike
LIKELY, EVEN = Decimal("0.60"), Decimal("0.40")


@dataclass(frozen=True)
class Candidate:
    """`accepted` of `decided`: what the platform said to borrowers of this grade. `xirr`: the all-in cost a year."""

    platform: str
    accepted: int
    decided: int
    xirr: Decimal
    total_cents: int
    commission_cents: int


@dataclass(frozen=True)
class Ranked:
    """`parts`: what the place was reckoned of, JSON-able."""

    platform: str
    place: int
    odds: Decimal
    parts: dict[str, Any]


def odds(accepted: int, decided: int) -> Decimal:
    """The share that is accepted, drawn towards even odds while few were decided; to whole per cent."""
    share = (accepted + PRIOR * WEIGHT) / (decided + WEIGHT)
    return share.quantize(Decimal("0.01"), ROUND_HALF_UP)


def odds_word(share: Decimal) -> str:
    """likely | even | unlikely"""
    return "likely" if share >= LIKELY else "even" if share >= EVEN else "unlikely"


def rank(candidates: Iterable[Candidate]) -> tuple[Ranked, ...]:
    """Best first. What the platform pays us counts only between two that are exactly alike for the borrower."""
    rows = sorted(candidates, key=lambda row: (*_merit(row), -row.commission_cents, row.platform))
    alike = [_merit(row) for row in rows]
    return tuple(
        Ranked(
            platform=row.platform,
            place=place,
            odds=odds(row.accepted, row.decided),
            parts={
                "odds": str(odds(row.accepted, row.decided)),
                "odds_band": _band(row),
                "accepted": row.accepted,
                "decided": row.decided,
                "xirr": str(row.xirr),
                "total_cents": row.total_cents,
                "commission_cents": row.commission_cents,
                "commission_counted": alike.count(_merit(row)) > 1,
            },
        )
        for place, row in enumerate(rows, 1)
    )


def _band(row: Candidate) -> int:
    return int((odds(row.accepted, row.decided) / BAND).to_integral_value(ROUND_HALF_UP))


def _merit(row: Candidate) -> tuple[int, Decimal, int]:
    """The smaller the better, for the borrower."""
    return -_band(row), row.xirr, row.total_cents
