"""What the borrower signs where a guarantor is paid out of the price: the same plan, its fee in a column of its own."""

from decimal import Decimal

from contracts import services
from contracts.models import Contract
from contracts.services import facts, rendering
from lending import queries
from lending.models import Drawdown
from tests.unit.contracts.conftest import Desk


def text_of(contract: Contract) -> str:
    return rendering.html(template=contract.template, values=contract.values, number=contract.number)


class TestGuaranteed:
    def test_shares_the_plan_and_says_so_in_every_document(self, shipped: Desk) -> None:
        at = shipped.clock.at
        drawdown_id = shipped.signing()
        alone = facts.of_drawdown(queries.drawdown(drawdown_id), at)
        Drawdown.objects.filter(pk=drawdown_id).update(guarantor_code="AHG", guarantee_rate=Decimal("0.0480"))
        shared = facts.of_drawdown(queries.drawdown(drawdown_id), at)
        assert [row["total_cents"] for row in shared["plan"]] == [row["total_cents"] for row in alone["plan"]]
        assert (shared["total_to_repay"], shared["xirr"]) == (alone["total_to_repay"], alone["xirr"])
        assert shared["total_interest"] + shared["total_fees"] == alone["total_interest"]
        assert shared["total_fees"] == round(alone["total_interest"] / 3)
        assert shared["first_interest_worked"].startswith(alone["first_interest_worked"])
        assert shared["first_interest_worked"].endswith("guarantee fee ¥40.00")

        services.issue(drawdown_id=drawdown_id, at=at)
        said = {row.kind: text_of(row) for row in Contract.objects.filter(drawdown_id=drawdown_id)}
        assert set(said) == {"cost_sheet", "loan_agreement", "guarantee", "debit_mandate"}
        assert "Guarantee fee in all" in said["cost_sheet"]
        assert "guarantee fee included" in said["cost_sheet"]
        assert "The annual rate includes the guarantee fee" in said["loan_agreement"]
        assert all("Guarantee fee</i></th>" in said[kind] for kind in ("cost_sheet", "loan_agreement"))
        assert "安恒融资担保" in said["guarantee"]

    def test_without_one_no_text_speaks_of_a_fee(self, shipped: Desk) -> None:
        drawdown_id = shipped.signing()
        services.issue(drawdown_id=drawdown_id, at=shipped.clock.at)
        said = {row.kind: text_of(row) for row in Contract.objects.filter(drawdown_id=drawdown_id)}
        assert set(said) == {"cost_sheet", "loan_agreement", "debit_mandate"}
        assert "Other fees" in said["cost_sheet"]
        assert not [kind for kind, text in said.items() if "Guarantee fee" in text]
