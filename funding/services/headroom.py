"""A programme's headroom moves only by these statements, each with its ledger row in the same statement.

Every cap is held twice: by the condition of its UPDATE, which makes "full" an answer and not an error, and by the
CHECK of its row. The programme's own row is always touched first and the guarantor's last, so two reservations of a
programme never wait for each other in a circle.
"""

from datetime import date, datetime

from django.db import connection

from lending.common import prepared
from lending.common.errors import Conflict

_OPEN = """
    INSERT INTO funding_headroomtotal (programme_id, cap_cents, reserved_cents, committed_cents)
    SELECT code, cap_outstanding_cents, 0, 0 FROM funding_programme WHERE code = %(programme)s
    ON CONFLICT DO NOTHING;
    INSERT INTO funding_headroommonth (programme_id, month, cap_cents, reserved_cents, committed_cents)
    SELECT code, %(month)s, cap_month_cents, 0, 0 FROM funding_programme WHERE code = %(programme)s
    ON CONFLICT DO NOTHING;
    INSERT INTO funding_headroomday (programme_id, business_date, cap_cents, reserved_cents, committed_cents)
    SELECT code, %(day)s, coalesce(cap_day_cents, 0), 0, 0 FROM funding_programme WHERE code = %(programme)s
    ON CONFLICT DO NOTHING;
    INSERT INTO funding_headroomguarantor (guarantor_id, cap_cents, reserved_cents, committed_cents)
    SELECT g.code, trunc(g.net_capital_cents * g.leverage_max), 0, 0
    FROM funding_programme p JOIN funding_guarantor g ON g.code = p.guarantor_id WHERE p.code = %(programme)s
    ON CONFLICT DO NOTHING
"""

# Each step runs only where the one before it moved its row; the borrower's row is made on the way.
_RESERVE = """
    WITH w AS (
        SELECT p.code, p.guarantor_id, coalesce(p.cap_day_cents, 0) AS cap_day_cents, p.cap_month_cents,
               p.cap_outstanding_cents, p.per_borrower_cents, x.user_id
        FROM funding_programme p, lending_drawdown x
        WHERE p.code = %(programme)s::text AND x.id = %(drawdown)s::bigint
    ), t AS (
        UPDATE funding_headroomtotal h
        SET reserved_cents = h.reserved_cents + %(amount)s::bigint, cap_cents = w.cap_outstanding_cents
        FROM w WHERE h.programme_id = w.code
          AND h.reserved_cents + h.committed_cents + %(amount)s <= w.cap_outstanding_cents
        RETURNING h.id
    ), m AS (
        UPDATE funding_headroommonth h
        SET reserved_cents = h.reserved_cents + %(amount)s, cap_cents = w.cap_month_cents
        FROM w WHERE h.programme_id = w.code AND h.month = %(month)s::date AND EXISTS (SELECT 1 FROM t)
          AND h.reserved_cents + h.committed_cents + %(amount)s <= w.cap_month_cents
        RETURNING h.id
    ), d AS (
        UPDATE funding_headroomday h
        SET reserved_cents = h.reserved_cents + %(amount)s, cap_cents = w.cap_day_cents
        FROM w WHERE h.programme_id = w.code AND h.business_date = %(day)s::date AND EXISTS (SELECT 1 FROM m)
          AND h.reserved_cents + h.committed_cents + %(amount)s <= w.cap_day_cents
        RETURNING h.id
    ), b AS (
        INSERT INTO funding_headroomborrower AS h (programme_id, user_id, cap_cents, reserved_cents, committed_cents)
        SELECT code, user_id, per_borrower_cents, %(amount)s, 0 FROM w
        WHERE %(amount)s <= per_borrower_cents AND EXISTS (SELECT 1 FROM d)
        ON CONFLICT (programme_id, user_id) DO UPDATE
        SET reserved_cents = h.reserved_cents + excluded.reserved_cents, cap_cents = excluded.cap_cents
        WHERE h.reserved_cents + h.committed_cents + excluded.reserved_cents <= excluded.cap_cents
        RETURNING h.id
    ), g AS (
        UPDATE funding_headroomguarantor h
        SET reserved_cents = h.reserved_cents + %(amount)s, cap_cents = trunc(c.net_capital_cents * c.leverage_max)
        FROM w JOIN funding_guarantor c ON c.code = w.guarantor_id
        WHERE h.guarantor_id = c.code AND EXISTS (SELECT 1 FROM b)
          AND h.reserved_cents + h.committed_cents + %(amount)s <= trunc(c.net_capital_cents * c.leverage_max)
        RETURNING h.id
    ), r AS (
        INSERT INTO funding_reservation (kind, programme_id, business_date, drawdown_id, guarantor_id, amount_cents, at)
        SELECT 'reserve', code, %(day)s, %(drawdown)s, guarantor_id, %(amount)s, %(at)s::timestamptz FROM w
        WHERE EXISTS (SELECT 1 FROM b) AND (guarantor_id IS NULL OR EXISTS (SELECT 1 FROM g))
        RETURNING id
    )
    SELECT (SELECT id FROM r), EXISTS (SELECT 1 FROM t), EXISTS (SELECT 1 FROM m), EXISTS (SELECT 1 FROM d),
           EXISTS (SELECT 1 FROM b),
           EXISTS (SELECT 1 FROM funding_headroomtotal WHERE programme_id = %(programme)s)
           AND EXISTS (SELECT 1 FROM funding_headroommonth WHERE programme_id = %(programme)s AND month = %(month)s)
           AND EXISTS (SELECT 1 FROM funding_headroomday WHERE programme_id = %(programme)s AND business_date = %(day)s)
           AND EXISTS (SELECT 1 FROM w WHERE guarantor_id IS NULL
                       OR guarantor_id IN (SELECT guarantor_id FROM funding_headroomguarantor))
"""

# What moved before the row that was full; the guarantor's is the last, so where it moved nothing is undone.
_UNDO = """
    WITH t AS (
        UPDATE funding_headroomtotal SET reserved_cents = reserved_cents - %(amount)s
        WHERE programme_id = %(programme)s AND %(total_moved)s
    ), m AS (
        UPDATE funding_headroommonth SET reserved_cents = reserved_cents - %(amount)s
        WHERE programme_id = %(programme)s AND month = %(month)s AND %(month_moved)s
    ), d AS (
        UPDATE funding_headroomday SET reserved_cents = reserved_cents - %(amount)s
        WHERE programme_id = %(programme)s AND business_date = %(day)s AND %(day_moved)s
    )
    UPDATE funding_headroomborrower h SET reserved_cents = h.reserved_cents - %(amount)s
    FROM lending_drawdown x
    WHERE x.id = %(drawdown)s AND h.programme_id = %(programme)s AND h.user_id = x.user_id AND %(borrower_moved)s
"""

# `held_cents`: what the reservation still takes of the outstanding; repayments have given back their part already.
_CLOSE = """
    WITH l AS (
        INSERT INTO funding_reservation
            (kind, programme_id, business_date, drawdown_id, guarantor_id, reserve_id, amount_cents, at)
        SELECT %(kind)s, r.programme_id, r.business_date, r.drawdown_id, r.guarantor_id, r.id, r.amount_cents, %(at)s
        FROM funding_reservation r
        WHERE r.id = %(reserve)s AND r.kind = 'reserve'
          AND (%(kind)s <> 'return'
               OR EXISTS (SELECT 1 FROM funding_reservation c WHERE c.reserve_id = r.id AND c.kind = 'commit'))
        ON CONFLICT DO NOTHING
        RETURNING programme_id, business_date, drawdown_id, guarantor_id, amount_cents, amount_cents - (
            SELECT coalesce(sum(p.amount_cents), 0) FROM funding_reservation p
            WHERE p.reserve_id = funding_reservation.reserve_id AND p.kind = 'repay') AS held_cents
    ), t AS (
        UPDATE funding_headroomtotal h
        SET reserved_cents = h.reserved_cents + %(reserved)s * l.held_cents,
            committed_cents = h.committed_cents + %(committed)s * l.held_cents
        FROM l WHERE h.programme_id = l.programme_id
        RETURNING h.id
    ), m AS (
        UPDATE funding_headroommonth h
        SET reserved_cents = h.reserved_cents + %(reserved)s * l.amount_cents,
            committed_cents = h.committed_cents + %(committed)s * l.amount_cents
        FROM l WHERE h.programme_id = l.programme_id AND h.month = date_trunc('month', l.business_date)::date
          AND EXISTS (SELECT 1 FROM t)
        RETURNING h.id
    ), d AS (
        UPDATE funding_headroomday h
        SET reserved_cents = h.reserved_cents + %(reserved)s * l.amount_cents,
            committed_cents = h.committed_cents + %(committed)s * l.amount_cents
        FROM l WHERE h.programme_id = l.programme_id AND h.business_date = l.business_date
          AND EXISTS (SELECT 1 FROM m)
        RETURNING h.id
    ), b AS (
        UPDATE funding_headroomborrower h
        SET reserved_cents = h.reserved_cents + %(reserved)s * l.held_cents,
            committed_cents = h.committed_cents + %(committed)s * l.held_cents
        FROM l JOIN lending_drawdown x ON x.id = l.drawdown_id
        WHERE h.programme_id = l.programme_id AND h.user_id = x.user_id AND EXISTS (SELECT 1 FROM d)
        RETURNING h.id
    ), g AS (
        UPDATE funding_headroomguarantor h
        SET reserved_cents = h.reserved_cents + %(reserved)s * l.held_cents,
            committed_cents = h.committed_cents + %(committed)s * l.held_cents
        FROM l WHERE h.guarantor_id = l.guarantor_id AND EXISTS (SELECT 1 FROM b)
        RETURNING h.id
    )
    SELECT (SELECT count(*) FROM b), (SELECT count(*) FROM g)
"""

_REPAY = """
    WITH r AS (
        SELECT r.*, r.amount_cents - %(owed)s - coalesce(sum(p.amount_cents), 0) AS back_cents
        FROM funding_reservation r
        JOIN funding_reservation c ON c.reserve_id = r.id AND c.kind = 'commit'
        LEFT JOIN funding_reservation p ON p.reserve_id = r.id AND p.kind IN ('repay', 'return')
        WHERE r.id = %(reserve)s AND r.kind = 'reserve'
        GROUP BY r.id
    ), l AS (
        INSERT INTO funding_reservation
            (kind, programme_id, business_date, drawdown_id, guarantor_id, reserve_id, amount_cents, at)
        SELECT 'repay', programme_id, business_date, drawdown_id, guarantor_id, id, back_cents, %(at)s
        FROM r WHERE back_cents > 0
        RETURNING programme_id, drawdown_id, guarantor_id, amount_cents
    ), t AS (
        UPDATE funding_headroomtotal h SET committed_cents = h.committed_cents - l.amount_cents
        FROM l WHERE h.programme_id = l.programme_id
        RETURNING h.id
    ), b AS (
        UPDATE funding_headroomborrower h SET committed_cents = h.committed_cents - l.amount_cents
        FROM l JOIN lending_drawdown x ON x.id = l.drawdown_id
        WHERE h.programme_id = l.programme_id AND h.user_id = x.user_id AND EXISTS (SELECT 1 FROM t)
        RETURNING h.id
    ), g AS (
        UPDATE funding_headroomguarantor h SET committed_cents = h.committed_cents - l.amount_cents
        FROM l WHERE h.guarantor_id = l.guarantor_id AND EXISTS (SELECT 1 FROM b)
        RETURNING h.id
    )
    SELECT (SELECT count(*) FROM b), (SELECT count(*) FROM g)
"""


class UnknownProgramme(Conflict):
    code, title = "unknown_programme", "There is no such programme or drawdown"


def reserve(*, programme_code: str, drawdown_id: int, amount_cents: int, day: date, at: datetime) -> int | None:
    """Hold `amount_cents` of the programme's day, month and outstanding, of what the borrower may have of it, and of
    its guarantor's balance. The reservation's id; None where one of them is full. Raises UnknownProgramme.
    """
    params: dict[str, str | int | date | datetime] = {
        "programme": programme_code,
        "drawdown": drawdown_id,
        "amount": amount_cents,
        "day": day,
        "month": day.replace(day=1),
        "at": at,
    }
    with connection.cursor() as cursor:
        for is_first in (True, False):
            prepared.execute(cursor, _RESERVE, params)
            reservation_id, total, month, day_, borrower, opened = cursor.fetchone()
            if reservation_id is not None:
                return int(reservation_id)
            if total:
                moved = {"total_moved": total, "month_moved": month, "day_moved": day_, "borrower_moved": borrower}
                cursor.execute(_UNDO, params | moved)
            if opened:
                return None
            if is_first:  # the first of its day, month, programme or guarantor
                cursor.execute(_OPEN, params)
    raise UnknownProgramme(f"{programme_code}, drawdown {drawdown_id}")


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


def repay(*, reservation_id: int, owed_cents: int, at: datetime) -> bool:
    """Of what went out only `owed_cents` are still owed to the funder: the rest may be lent again, on another day.

    False where nothing is given back by that. The caller holds the drawdown's lock.
    """
    with connection.cursor() as cursor:
        cursor.execute(_REPAY, {"reserve": reservation_id, "owed": owed_cents, "at": at})
        return bool(cursor.fetchone()[0])
