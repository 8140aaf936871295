"""The benchmark of path 7 measures what it says: the same page on both sides, a seal that holds. No database."""

from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

from contracts.providers import sealing
from contracts.services import rendering
from lending.management.commands import bench_contracts

AT = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)


def test_the_peer_sets_the_same_page(settings: Any, tmp_path: Path, monkeypatch: Any) -> None:
    settings.MEDIA_ROOT = tmp_path
    contract, sealed = bench_contracts.agreement(AT), []
    page, kept = bench_contracts.bare_call(contract, AT)
    assert page == rendering.html(template=contract.template, values=contract.values, number=contract.number)
    assert page.count("2027-02-02") == 1  # the last of twelve instalments
    assert len(kept["stylesheets"]) == 2
    seal = sealing.seal
    monkeypatch.setattr(sealing, "seal", lambda *args, **kwargs: sealed.append(seal(*args, **kwargs)) or sealed[-1])
    told = StringIO()
    monkeypatch.setattr(bench_contracts, "_nothing_kept", lambda *_: None)  # the long one, for information
    monkeypatch.setattr(bench_contracts, "CODE", "settled-letter")  # a short one
    bench_contracts.Command(stdout=told).measure(rounds=1, at=AT)
    assert "ours, PDF" in told.getvalue()
    assert [sealing.check(pdf).fault for pdf in sealed] == ["", ""]
    assert list(tmp_path.rglob("*.enc")) == []
