from users.models import User


class Customer(User):
    """A borrower with what hangs on them here. The account itself is users'."""

    class Meta:
        proxy = True

    def __str__(self) -> str:
        return f"customer {str(self.public_id)[:8]}"
