"""What no constraint can say: consents before data leaves, contracts and a live reservation before money does."""

from django.db import migrations

RESERVATION_APPEND_ONLY = """
CREATE FUNCTION funding_reservation_never_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'funding_reservation is append-only' USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER funding_reservation_append_only BEFORE UPDATE OR DELETE ON funding_reservation
    FOR EACH ROW EXECUTE FUNCTION funding_reservation_never_changed();
"""

# At insert and at claim. The lease ends after the claim, so a consent withdrawn by then is withdrawn now.
ALLOCATION_NEEDS_CONSENT = """
CREATE FUNCTION funding_allocation_needs_consent() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    at timestamptz := coalesce(NEW.leased_until, NEW.created_at);
BEGIN
    PERFORM users_require_live_consent(NEW.consent_id, NEW.user_id, NEW.recipient, at);
    PERFORM users_require_live_consent(NEW.bureau_consent_id, NEW.user_id, NEW.recipient, at);
    RETURN NEW;
END $$;
CREATE TRIGGER funding_allocation_needs_consent_on_insert BEFORE INSERT ON funding_allocation
    FOR EACH ROW EXECUTE FUNCTION funding_allocation_needs_consent();
CREATE TRIGGER funding_allocation_needs_consent_on_claim BEFORE UPDATE OF leased_until ON funding_allocation
    FOR EACH ROW WHEN (NEW.state IN ('RESERVED', 'SUBMITTED', 'UNKNOWN') AND NEW.leased_until IS NOT NULL)
    EXECUTE FUNCTION funding_allocation_needs_consent();
"""

ALLOCATION_IS_ITS_DRAWDOWNS = """
CREATE FUNCTION funding_allocation_is_its_drawdowns() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM lending_drawdown d JOIN funding_programme p ON p.code = NEW.programme_id
        JOIN funding_reservation r ON r.id = NEW.reservation_id
        WHERE d.id = NEW.drawdown_id AND d.user_id = NEW.user_id AND d.amount_cents = NEW.amount_cents
          AND p.funder_id = NEW.recipient AND r.kind = 'reserve' AND r.drawdown_id = d.id
          AND r.programme_id = p.code AND r.amount_cents = NEW.amount_cents
    ) THEN
        RAISE EXCEPTION 'allocation_mismatch: user, amount, funder and reservation must be those of the drawdown'
            USING ERRCODE = 'check_violation';
    END IF;
    IF TG_OP = 'INSERT' AND EXISTS (
        SELECT 1 FROM funding_payout WHERE drawdown_id = NEW.drawdown_id AND state <> 'FAILED'
    ) THEN
        RAISE EXCEPTION 'payout_unresolved: a payout of drawdown % is not known to have failed', NEW.drawdown_id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER funding_allocation_is_its_drawdowns BEFORE INSERT
    OR UPDATE OF drawdown_id, user_id, programme_id, reservation_id, recipient, amount_cents ON funding_allocation
    FOR EACH ROW EXECUTE FUNCTION funding_allocation_is_its_drawdowns();
"""

PAYOUT_GUARD = """
CREATE FUNCTION funding_payout_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    drawdown lending_drawdown%ROWTYPE;
BEGIN
    SELECT * INTO drawdown FROM lending_drawdown WHERE id = NEW.drawdown_id;
    IF coalesce(drawdown.contract_set_sha256, '') = '' THEN
        RAISE EXCEPTION 'payout_without_contracts: drawdown % has no sealed contract set', NEW.drawdown_id
            USING ERRCODE = 'check_violation';
    ELSIF drawdown.amount_cents <> NEW.amount_cents THEN
        RAISE EXCEPTION 'payout_not_the_principal: % instead of %', NEW.amount_cents, drawdown.amount_cents
            USING ERRCODE = 'check_violation';
    ELSIF NOT EXISTS (
        SELECT 1 FROM funding_allocation a JOIN funding_reservation r ON r.id = a.reservation_id
        WHERE a.id = NEW.allocation_id AND a.drawdown_id = NEW.drawdown_id AND a.state = 'ACCEPTED'
          AND NOT EXISTS (SELECT 1 FROM funding_reservation later WHERE later.reserve_id = r.id)
    ) THEN
        RAISE EXCEPTION 'payout_without_reservation: drawdown % holds no live reservation', NEW.drawdown_id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER funding_payout_guard BEFORE INSERT ON funding_payout
    FOR EACH ROW EXECUTE FUNCTION funding_payout_guard();

CREATE FUNCTION funding_payout_facts_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.key, NEW.drawdown_id, NEW.allocation_id, NEW.card_id, NEW.amount_cents, NEW.provider) IS DISTINCT FROM
       (OLD.key, OLD.drawdown_id, OLD.allocation_id, OLD.card_id, OLD.amount_cents, OLD.provider) THEN
        RAISE EXCEPTION 'a payout order is never edited' USING ERRCODE = 'check_violation';
    ELSIF OLD.state = 'FAILED' OR (OLD.state = 'PAID' AND NEW.state <> 'RETURNED') OR OLD.state = 'RETURNED' THEN
        RAISE EXCEPTION 'payout % is %: it stays so', OLD.id, OLD.state USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER funding_payout_facts_stay BEFORE UPDATE ON funding_payout
    FOR EACH ROW EXECUTE FUNCTION funding_payout_facts_stay();
"""


class Migration(migrations.Migration):
    dependencies = [("funding", "0001_initial"), ("users", "0002_triggers"), ("lending", "0001_initial")]
    operations = [
        migrations.RunSQL(
            RESERVATION_APPEND_ONLY,
            "DROP TRIGGER funding_reservation_append_only ON funding_reservation;"
            "DROP FUNCTION funding_reservation_never_changed()",
        ),
        migrations.RunSQL(
            ALLOCATION_NEEDS_CONSENT,
            "DROP TRIGGER funding_allocation_needs_consent_on_insert ON funding_allocation;"
            "DROP TRIGGER funding_allocation_needs_consent_on_claim ON funding_allocation;"
            "DROP FUNCTION funding_allocation_needs_consent()",
        ),
        migrations.RunSQL(
            ALLOCATION_IS_ITS_DRAWDOWNS,
            "DROP TRIGGER funding_allocation_is_its_drawdowns ON funding_allocation;"
            "DROP FUNCTION funding_allocation_is_its_drawdowns()",
        ),
        migrations.RunSQL(
            PAYOUT_GUARD,
            "DROP TRIGGER funding_payout_guard ON funding_payout; DROP FUNCTION funding_payout_guard();"
            "DROP TRIGGER funding_payout_facts_stay ON funding_payout; DROP FUNCTION funding_payout_facts_stay()",
        ),
    ]
