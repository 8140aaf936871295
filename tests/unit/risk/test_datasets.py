"""Datasets: whole or not at all, encrypted, counted, with outcomes that are honest about what is not known yet."""

from datetime import date, datetime, timedelta

import pytest
from django.db import connection, transaction

from lending import queries as lending
from lending.models import Loan
from lending.services import grants
from risk import queries, services
from risk.models import Dataset, DatasetPart, Decision
from risk.rules.catalogue import PROTECTED
from risk.services import datasets
from tests.factories.borrowers import consent
from tests.factories.drawdowns import card
from tests.factories.loans import Taker, paid_out
from tests.factories.staff import officer
from tests.unit.risk.conftest import Apply
from users.models import User
from users.services import accounts
from users.services.acts import NotAllowed

CSV = b"ref,months,checking,bad,group:sex\na,12,low,1,female\nb,24,,0,male\nc,6,none,,male\n"


@pytest.mark.usefixtures("configured")
class TestImportCsv:
    def test_counts_and_keeps_the_rows_encrypted(self, at: datetime) -> None:
        made = datasets.import_csv(name="three", scenario="credit", content=CSV, by=officer(at), at=at)
        assert (made.row_count, made.outcome_count, made.bad_count, made.has_outcome) == (3, 2, 1, True)
        assert made.bad_rate == 0.5
        assert queries.dataset_rows(made.pk, 0)[0] == {
            "ref": "a",
            "inputs": {"months": 12, "checking": "low"},
            "bad": True,
            "groups": {"sex": "female"},
        }
        assert [(c["name"], c["kind"], c["known"]) for c in made.columns] == [
            ("months", "variable", 3),
            ("checking", "variable", 2),
            ("sex", "group", 3),
        ]
        with connection.cursor() as cursor:
            cursor.execute("SELECT rows FROM risk_datasetpart")
            assert b"checking" not in bytes(cursor.fetchone()[0])

    def test_the_same_rows_have_the_same_hash_and_a_changed_one_has_another(self, at: datetime) -> None:
        by = officer(at)
        hashes = [
            datasets.import_csv(name="x", content=content, by=by, at=at).sha256
            for content in (CSV, CSV, CSV.replace(b"24", b"36"))
        ]
        assert hashes[0] == hashes[1] != hashes[2]

    def test_keeps_nothing_of_a_file_with_one_broken_cell(self, at: datetime) -> None:
        with pytest.raises(datasets.UnreadableDataset) as refused, transaction.atomic():
            datasets.import_csv(name="x", content=CSV + b"d,soon,low,1,male\n", by=officer(at), at=at)
        assert [(fault["line"], fault["column"]) for fault in refused.value.data["faults"]] == [(5, "months")]
        assert (Dataset.objects.count(), DatasetPart.objects.count()) == (0, 0)

    def test_downloads_what_it_would_import_again(self, at: datetime) -> None:
        made = datasets.import_csv(name="x", content=CSV, by=officer(at), at=at)
        again = "".join(queries.dataset_csv(made.pk)).encode()
        assert datasets.import_csv(name="y", content=again, by=officer(at), at=at).sha256 == made.sha256

    def test_refuses_somebody_whose_groups_do_not_hold_it(self, at: datetime) -> None:
        by = f"staff:{accounts.make_staff(username='nobody', password='long enough for anybody', at=at)}"
        with pytest.raises(NotAllowed):
            datasets.import_csv(name="x", content=CSV, by=by, at=at)


@pytest.mark.usefixtures("configured")
class TestFromSample:
    def test_holds_a_thousand_applicants_of_whom_three_hundred_went_bad(self, at: datetime) -> None:
        made = datasets.from_sample(by=officer(at), at=at)
        view = queries.dataset(made.pk)
        assert (view.row_count, view.outcome_count, view.bad_count, view.part_count) == (1000, 1000, 300, 2)
        rows = [row for part in range(2) for row in queries.dataset_rows(made.pk, part)]
        assert len({row["ref"] for row in rows}) == 1000
        assert set(view.groups) == {"sex", "foreign_worker", "age_band"}
        assert not PROTECTED & set(view.variables)
        assert sum(row["groups"]["sex"] == "female" for row in rows) == 310


class TestOutcome:
    TODAY = date(2026, 9, 7)

    def loan(self, late: int, since: date) -> lending.LoanOutcome:
        return lending.LoanOutcome(1, 1, since, late)

    @pytest.mark.parametrize(
        ("late", "since", "bad"),
        [
            (31, date(2026, 9, 1), True),
            (30, date(2026, 3, 7), False),
            (0, date(2026, 3, 8), None),  # a day short of six months
            (0, date(2025, 1, 1), False),
        ],
    )
    def test_is_bad_at_once_good_only_after_months_and_else_unknown(
        self, late: int, since: date, bad: bool | None
    ) -> None:
        assert datasets.outcome([self.loan(late, since)], self.TODAY, 6) is bad

    def test_is_unknown_without_a_loan(self) -> None:
        assert datasets.outcome([], self.TODAY, 6) is None

    def test_waits_for_the_youngest_loan(self) -> None:
        loans = [self.loan(0, date(2025, 1, 1)), self.loan(0, date(2026, 9, 1))]
        assert datasets.outcome(loans, self.TODAY, 6) is None


class TestAgeBand:
    @pytest.mark.parametrize(
        ("years", "band"), [(18, "under 25"), (25, "25-34"), (34, "25-34"), (54, "45-54"), (55, "55 and over")]
    )
    def test_is_closed_below_and_open_above(self, years: int, band: str) -> None:
        assert datasets.age_band(years) == band


def paid_out_of(decided: Decision, at: datetime) -> Loan:
    user_id, named = decided.assessment.user_id, ("QTX",)
    share, bureau = (consent(user_id, code, at, named) for code in ("funder_share", "funder_bureau"))
    grant_id = grants.open(application_id=decided.assessment.application_id, at=at)
    return paid_out(at, Taker(user_id, card(user_id, at), share, bureau), grant_id, candidates=named)


class TestFromDecisions:
    @pytest.fixture
    def decided(self, apply: Apply, at: datetime, sandbox: object) -> Decision:
        services.run_assessment(assessment_id=apply(3), now=at)
        return Decision.objects.get(step="credit")

    def test_takes_the_inputs_as_they_were_and_the_groups_of_the_person(self, decided: Decision, at: datetime) -> None:
        day = decided.as_of_date
        made = datasets.from_decisions(scenario="credit", since=day, until=day, by=officer(at), at=at)
        (row,) = queries.dataset_rows(made.pk, 0)
        view = queries.decision(decided.pk)
        assert (row["ref"], row["inputs"], row["bad"]) == (str(decided.public_id), dict(view.inputs), None)
        assert set(row["groups"]) == {"sex", "age_band"}
        assert made.has_outcome is False

    def test_knows_what_became_of_the_loan(self, decided: Decision, at: datetime) -> None:
        loan = paid_out_of(decided, at).pk
        day = decided.as_of_date
        told = []
        for late, months in ((0, 0), (0, 7), (31, 0)):
            Loan.objects.filter(pk=loan).update(max_dpd=late)
            later = at + timedelta(days=31 * months)
            made = datasets.from_decisions(scenario="credit", since=day, until=day, by=officer(at), at=later)
            told.append(queries.dataset_rows(made.pk, 0)[0]["bad"])
        assert told == [None, False, True]

    def test_says_so_where_there_is_nothing(self, decided: Decision, at: datetime) -> None:
        day = decided.as_of_date + timedelta(days=1)
        with pytest.raises(datasets.NothingToTake):
            datasets.from_decisions(scenario="credit", since=day, until=day, by=officer(at), at=at)
        assert User.objects.filter(kind="staff").exists()
