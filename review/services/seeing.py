"""Who may see a borrower's data in clear: not a reviewer who must not review this borrower."""

from review.models import Reviewer
from review.services import gate


def check_may_see(by: str, borrower_id: int) -> None:
    """A guard of `users.services.access`. Raises ConflictOfInterest."""
    by_id = int(by.partition(":")[2])
    if Reviewer.objects.filter(user_id=by_id).exists():
        gate.check_no_interest(borrower_id=borrower_id, by_id=by_id)
