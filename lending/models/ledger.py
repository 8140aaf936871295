"""Double entry. Append-only; each journal sums to zero (triggers in the migrations hold both)."""

from django.db import models

from .loan import Loan


class Account(models.Model):
    """A kind of claim or debt in one book: `own`, or the mirror of a funder's book (its party code)."""

    kind = models.CharField(max_length=30)
    book = models.CharField(max_length=20)
    currency = models.CharField(max_length=3, default="CNY")

    class Meta:
        ordering = ["book", "kind"]
        constraints = [
            models.UniqueConstraint(fields=["kind", "book", "currency"], name="one_account_per_kind_and_book")
        ]

    def __str__(self) -> str:
        return f"{self.book}:{self.kind}"


class Journal(models.Model):
    """One event of money: of a loan, or of what was settled with a `party` (its code). `key` makes posting repeatable;
    a correction is a journal that `reverses` another."""

    key = models.CharField(max_length=80, unique=True)
    kind = models.CharField(max_length=30)
    loan = models.ForeignKey(Loan, models.PROTECT, null=True, related_name="journals")
    party = models.CharField(max_length=20, blank=True)
    business_date = models.DateField()
    posted_at = models.DateTimeField()
    reverses = models.OneToOneField("self", models.PROTECT, null=True, blank=True, related_name="reversed_by")

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(loan__isnull=False, party="") | (models.Q(loan__isnull=True) & ~models.Q(party="")),
                name="journal_of_a_loan_or_a_party",
            )
        ]

    def __str__(self) -> str:
        return self.key


class Entry(models.Model):
    """A leg: debit positive, credit negative, never zero."""

    journal = models.ForeignKey(Journal, models.PROTECT, related_name="entries")
    account = models.ForeignKey(Account, models.PROTECT, related_name="entries")
    amount_cents = models.BigIntegerField()

    class Meta:
        verbose_name_plural = "entries"
        constraints = [
            models.CheckConstraint(condition=~models.Q(amount_cents=0), name="entry_moves_something"),
            models.UniqueConstraint(fields=["journal", "account"], name="one_leg_per_account"),
        ]

    def __str__(self) -> str:
        return f"{self.account} {self.amount_cents}"
