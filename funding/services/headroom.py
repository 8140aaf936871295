"""A programme's headroom moves only by these statements, each with its ledger row in the same statement.

The cap is held twice: by the condition of the UPDATE, which makes a full day an answer and not an error, and by the
CHECK of the row. Months are always touched before days, so two reservations never wait for each other in a circle.
"""

from datetime import date, datetime

from django.db import connection

_OPEN = """
    INSERT INTO funding_headroommonth (programme_id, month, cap_cents, reserved_cents, committed_cents)
    SELECT code, %(month)s, cap_month_cents, 0, 0 FROM funding_programme WHERE code = %(programme)s
    ON CONFLICT DO NOTHING;
    INSERT INTO funding_headroomday (programme_id, business_date, cap_cents, reserved_cents, committed_cents)
    SELECT code, %(day)s, coalesce(cap_day_cents, 0), 0, 0 FROM funding_programme WHERE code = %(programme)s
    ON CONFLICT DO NOTHING
"""

_RESERVE = """
    WITH m AS (
        UPDATE funding_headroommonth SET reserved_cents = reserved_cents + %(amount)s
        WHERE programme_id = %(programme)s AND month = %(month)s
          AND reserved_cents + committed_cents + %(amount)s <= cap_cents
        RETURNING id
    ), d AS (
        UPDATE funding_headroomday SET reserved_cents = reserved_cents + %(amount)s
        WHERE programme_id = %(programme)s AND business_date = %(day)s
          AND reserved_cents + committed_cents + %(amount)s <= cap_cents
          AND EXISTS (SELECT 1 FROM m)
        RETURNING id
    ), r AS (
        INSERT INTO funding_reservation (kind, programme_id, business_date, drawdown_id, amount_cents, at)
        SELECT 'reserve', %(programme)s, %(day)s, %(drawdown)s, %(amount)s, %(at)s FROM d
        RETURNING id
    )
    SELECT (SELECT id FROM r), EXISTS (SELECT 1 FROM m),
           EXISTS (SELECT 1 FROM funding_headroommonth WHERE programme_id = %(programme)s AND month = %(month)s)
           AND EXISTS (SELECT 1 FROM funding_headroomday WHERE programme_id = %(programme)s AND business_date = %(day)s)
"""

_GIVE_MONTH_BACK = """
    UPDATE funding_headroommonth SET reserved_cents = reserved_cents - %(amount)s
    WHERE programme_id = %(programme)s AND month = %(month)s
"""

_CLOSE = """
    WITH l AS (
        INSERT INTO funding_reservation (kind, programme_id, business_date, drawdown_id, reserve_id, amount_cents, at)
        SELECT %(kind)s, r.programme_id, r.business_date, r.drawdown_id, r.id, r.amount_cents, %(at)s
        FROM funding_reservation r
        WHERE r.id = %(reserve)s AND r.kind = 'reserve'
          AND (%(kind)s <> 'return'
               OR EXISTS (SELECT 1 FROM funding_reservation c WHERE c.reserve_id = r.id AND c.kind = 'commit'))
        ON CONFLICT DO NOTHING
        RETURNING programme_id, business_date, amount_cents
    ), m AS (
        UPDATE funding_headroommonth h
        SET reserved_cents = h.reserved_cents + %(reserved)s * l.amount_cents,
            committed_cents = h.committed_cents + %(committed)s * l.amount_cents
        FROM l WHERE h.programme_id = l.programme_id AND h.month = date_trunc('month', l.business_date)::date
        RETURNING h.id
    ), d AS (
        UPDATE funding_headroomday h
        SET reserved_cents = h.reserved_cents + %(reserved)s * l.amount_cents,
            committed_cents = h.committed_cents + %(committed)s * l.amount_cents
        FROM l WHERE h.programme_id = l.programme_id AND h.business_date = l.business_date
          AND EXISTS (SELECT 1 FROM m)
        RETURNING h.id
    )
    SELECT count(*) FROM d
"""


def reserve(*, programme_code: str, drawdown_id: int, amount_cents: int, day: date, at: datetime) -> int | None:
    """Hold `amount_cents` of the programme's business day and month. The reservation's id; None where it is full."""
    params: dict[str, str | int | date | datetime] = {
        "programme": programme_code,
        "drawdown": drawdown_id,
        "amount": amount_cents,
        "day": day,
        "month": day.replace(day=1),
        "at": at,
    }
    with connection.cursor() as cursor:
        cursor.execute(_RESERVE, params)
        reservation_id, month_moved, opened = cursor.fetchone()
        if not opened:
            cursor.execute(_OPEN, params)
            if month_moved:  # the month was there, the day was not: undone before it is tried again
                cursor.execute(_GIVE_MONTH_BACK, params)
            cursor.execute(_RESERVE, params)
            reservation_id, month_moved, opened = cursor.fetchone()
        if reservation_id is None and month_moved:
            cursor.execute(_GIVE_MONTH_BACK, params)
    return None if reservation_id is None else int(reservation_id)


def release(*, reservation_id: int, at: datetime) -> bool:
    """Give a reservation back. False where it was already released or committed."""
    return _close(reservation_id, "release", reserved=-1, committed=0, at=at)


def commit(*, reservation_id: int, at: datetime) -> bool:
    """The money went out: reserved becomes committed. False where it was already released or committed."""
    return _close(reservation_id, "commit", reserved=-1, committed=1, at=at)


def return_(*, reservation_id: int, at: datetime) -> bool:
    """Committed money came back (退票). False where it had not gone out, or came back before."""
    return _close(reservation_id, "return", reserved=0, committed=-1, at=at)


def _close(reservation_id: int, kind: str, *, reserved: int, committed: int, at: datetime) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            _CLOSE, {"reserve": reservation_id, "kind": kind, "reserved": reserved, "committed": committed, "at": at}
        )
        return bool(cursor.fetchone()[0])
