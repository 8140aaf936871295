"""kill -9 of the worker, Valkey and Postgres in the middle of a batch: nothing is lost and nobody is paid twice."""

import time
from collections import Counter

from tests.journeys.live import Platform

BATCH_SECONDS = 240
APPLICANTS = 10


class TestKill:
    def test_loses_nothing_and_pays_nobody_twice(self, live: Platform) -> None:
        batch = live.demo("--count", str(APPLICANTS), "--seconds", str(BATCH_SECONDS))
        for victim in ("celery .*worker", "valkey-server", "bin/postgres|postgres -D", "celery .*worker"):
            time.sleep(6)
            assert batch.poll() is None, batch.communicate()[0]
            live.kill(victim)
        said, _ = batch.communicate(timeout=BATCH_SECONDS)
        assert batch.returncode == 0, said

        entries = live.sandbox("/payment/v1/ledger")["entries"]
        paid = Counter(entry["key"] for entry in entries if entry["kind"] == "payout")
        assert paid, said
        assert max(paid.values()) == 1
        loans = live.ask("SELECT count(*), coalesce(sum(principal_cents), 0)::bigint FROM lending_loan")[0]
        assert len(paid) == int(loans[0])
        assert -sum(entry["amount_cents"] for entry in entries if entry["kind"] == "payout") == int(loans[1])
        assert live.ask("SELECT count(*) FROM lending_event WHERE handled_at IS NULL")[0] == ["0"]
        assert live.ask("SELECT coalesce(sum(amount_cents), 0)::bigint FROM lending_entry")[0] == ["0"]
