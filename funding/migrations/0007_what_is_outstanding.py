"""What is reserved and owed already is counted once. Nothing was guaranteed before this."""

from django.db import migrations

COUNT = """
INSERT INTO funding_reservation (kind, programme_id, business_date, drawdown_id, reserve_id, amount_cents, at)
SELECT 'repay', r.programme_id, r.business_date, r.drawdown_id, r.id, r.amount_cents - o.owed_cents, now()
FROM funding_allocation a
JOIN funding_reservation r ON r.id = a.reservation_id
JOIN lending_loan l ON l.drawdown_id = a.drawdown_id
CROSS JOIN LATERAL (
    SELECT coalesce(sum(i.principal_cents - i.paid_principal_cents), 0) AS owed_cents FROM lending_instalment i
    WHERE i.loan_id = l.id AND l.status IN ('ACTIVE', 'OVERDUE', 'WRITTEN_OFF')
) o
WHERE a.state = 'COMMITTED' AND o.owed_cents < r.amount_cents;

CREATE TEMPORARY TABLE funding_in_use ON COMMIT DROP AS
SELECT a.programme_id, a.user_id,
       CASE WHEN a.state = 'COMMITTED' THEN 0 ELSE a.amount_cents END AS reserved_cents,
       CASE WHEN a.state = 'COMMITTED' THEN a.amount_cents - coalesce(
           (SELECT sum(p.amount_cents) FROM funding_reservation p
            WHERE p.reserve_id = a.reservation_id AND p.kind = 'repay'), 0) ELSE 0 END AS committed_cents
FROM funding_allocation a WHERE a.state IN ('RESERVED', 'SUBMITTED', 'UNKNOWN', 'ACCEPTED', 'COMMITTED');

INSERT INTO funding_headroomtotal (programme_id, reserved_cents, committed_cents, cap_cents)
SELECT u.programme_id, sum(u.reserved_cents), sum(u.committed_cents),
       greatest(max(p.cap_outstanding_cents), sum(u.reserved_cents + u.committed_cents))
FROM funding_in_use u JOIN funding_programme p ON p.code = u.programme_id GROUP BY u.programme_id;

INSERT INTO funding_headroomborrower (programme_id, user_id, reserved_cents, committed_cents, cap_cents)
SELECT u.programme_id, u.user_id, sum(u.reserved_cents), sum(u.committed_cents),
       greatest(max(p.per_borrower_cents), sum(u.reserved_cents + u.committed_cents))
FROM funding_in_use u JOIN funding_programme p ON p.code = u.programme_id GROUP BY u.programme_id, u.user_id
"""


class Migration(migrations.Migration):
    dependencies = [("funding", "0006_caps_that_hold")]
    operations = [
        migrations.RunSQL(COUNT, "DELETE FROM funding_headroomtotal; DELETE FROM funding_headroomborrower"),
    ]
