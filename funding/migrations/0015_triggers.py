"""What no constraint can say: consents before data leaves, contracts and a live reservation before money does."""

from django.db import migrations

RESERVATION = """
CREATE FUNCTION funding_reservation_never_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'funding_reservation is append-only' USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER funding_reservation_append_only BEFORE UPDATE OR DELETE ON funding_reservation
    FOR EACH ROW EXECUTE FUNCTION funding_reservation_never_changed();
"""

# At insert and at claim. The lease ends after the claim, so a consent withdrawn by then is withdrawn now. Data goes to
# the guarantor too: both consents name it.
ALLOCATION_NEEDS_CONSENT = """
CREATE FUNCTION funding_allocation_needs_consent() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    at timestamptz := coalesce(NEW.leased_until, NEW.created_at);
    guarantor text := (SELECT guarantor_id FROM funding_reservation WHERE id = NEW.reservation_id);
BEGIN
    PERFORM users_require_live_consent(NEW.consent_id, NEW.user_id, NEW.recipient, at);
    PERFORM users_require_live_consent(NEW.bureau_consent_id, NEW.user_id, NEW.recipient, at);
    IF guarantor IS NOT NULL THEN
        PERFORM users_require_live_consent(NEW.consent_id, NEW.user_id, guarantor, at);
        PERFORM users_require_live_consent(NEW.bureau_consent_id, NEW.user_id, guarantor, at);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER funding_allocation_needs_consent_on_insert BEFORE INSERT ON funding_allocation
    FOR EACH ROW EXECUTE FUNCTION funding_allocation_needs_consent();
CREATE TRIGGER funding_allocation_needs_consent_on_claim BEFORE UPDATE OF leased_until ON funding_allocation
    FOR EACH ROW WHEN (NEW.state IN ('RESERVED', 'SUBMITTED', 'UNKNOWN') AND NEW.leased_until IS NOT NULL)
    EXECUTE FUNCTION funding_allocation_needs_consent();
"""

ALLOCATION_FITS = """
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

PAYOUT = """
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
"""

# An order that is paid, failed or returned stays so. What the channel wrote about it may become empty; one that came
# back is followed up once.
PAYOUT_STAYS = """
CREATE FUNCTION funding_payout_facts_stay() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kept funding_payout%ROWTYPE := NEW;
BEGIN
    kept.answer := OLD.answer;
    kept.last_error := OLD.last_error;
    IF kept IS NOT DISTINCT FROM OLD AND NEW.answer IS NULL AND NEW.last_error = '' THEN
        RETURN NEW;
    END IF;
    IF OLD.followed_up_at IS NULL AND NEW.followed_up_at IS NOT NULL THEN
        kept := NEW;
        kept.followed_up_at := NULL;
        IF kept IS NOT DISTINCT FROM OLD THEN
            RETURN NEW;
        END IF;
    END IF;
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

# What a guarantor paid, as it was.
CLAIM = """
CREATE FUNCTION funding_claim_never_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'funding_claim is append-only' USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER funding_claim_append_only BEFORE UPDATE OR DELETE ON funding_claim
    FOR EACH ROW EXECUTE FUNCTION funding_claim_never_changed();
CREATE TRIGGER funding_claim_never_emptied BEFORE TRUNCATE ON funding_claim
    FOR EACH STATEMENT EXECUTE FUNCTION funding_claim_never_changed();
"""

LINE = """
CREATE FUNCTION funding_statement_is_draft() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM funding_funderstatement s WHERE s.id IN (OLD.statement_id, NEW.statement_id)
      AND (s.state <> 'draft' OR s.party <> NEW.party OR s.currency <> NEW.currency)) THEN
    RAISE EXCEPTION 'append_only: the statement of line % is no draft with its party', NEW.id
      USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER funder_line_stays BEFORE DELETE OR UPDATE OF id, programme_id, party, kind, source, loan_id, repayment_id,
  reverses_id, base_cents, rate, dpd, amount_cents, currency, on_date, at,
  "by", note ON funding_funderline
  FOR EACH ROW EXECUTE FUNCTION lending_append_only();
CREATE TRIGGER funder_line_never_emptied BEFORE TRUNCATE ON funding_funderline
  FOR EACH STATEMENT EXECUTE FUNCTION lending_append_only();
CREATE TRIGGER funder_line_of_a_draft BEFORE UPDATE OF statement_id ON funding_funderline
  FOR EACH ROW WHEN (OLD.statement_id IS DISTINCT FROM NEW.statement_id) EXECUTE FUNCTION funding_statement_is_draft();
CREATE TRIGGER funder_line_into_a_draft BEFORE INSERT ON funding_funderline
  FOR EACH ROW WHEN (NEW.statement_id IS NOT NULL) EXECUTE FUNCTION funding_statement_is_draft();
"""

STATEMENT = """
CREATE FUNCTION funding_statement_by_others() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM funding_funderline l WHERE l.statement_id = NEW.id AND l."by" = NEW.decided_by) THEN
    RAISE EXCEPTION 'two_people: who adjusted statement % does not approve it', NEW.id USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER funder_statement_stays BEFORE UPDATE OR DELETE ON funding_funderstatement
  FOR EACH ROW WHEN (OLD.state <> 'draft') EXECUTE FUNCTION lending_append_only();
CREATE TRIGGER funder_statement_never_emptied BEFORE TRUNCATE ON funding_funderstatement
  FOR EACH STATEMENT EXECUTE FUNCTION lending_append_only();
CREATE TRIGGER funder_statement_by_others BEFORE UPDATE OF state ON funding_funderstatement
  FOR EACH ROW WHEN (NEW.state = 'approved') EXECUTE FUNCTION funding_statement_by_others();
"""


class Migration(migrations.Migration):
    replaces = [("funding", "0012_statements_are_booked")]
    dependencies = [("funding", "0014_tables"), ("lending", "0013_triggers")]
    operations = [
        migrations.RunSQL(RESERVATION, "DROP FUNCTION funding_reservation_never_changed() CASCADE"),
        migrations.RunSQL(ALLOCATION_NEEDS_CONSENT, "DROP FUNCTION funding_allocation_needs_consent() CASCADE"),
        migrations.RunSQL(ALLOCATION_FITS, "DROP FUNCTION funding_allocation_is_its_drawdowns() CASCADE"),
        migrations.RunSQL(PAYOUT, "DROP FUNCTION funding_payout_guard() CASCADE"),
        migrations.RunSQL(PAYOUT_STAYS, "DROP FUNCTION funding_payout_facts_stay() CASCADE"),
        migrations.RunSQL(CLAIM, "DROP FUNCTION funding_claim_never_changed() CASCADE"),
        migrations.RunSQL(
            LINE,
            "DROP FUNCTION funding_statement_is_draft() CASCADE;"
            "DROP TRIGGER funder_line_never_emptied ON funding_funderline;"
            "DROP TRIGGER funder_line_stays ON funding_funderline",
        ),
        migrations.RunSQL(
            STATEMENT,
            "DROP FUNCTION funding_statement_by_others() CASCADE;"
            "DROP TRIGGER funder_statement_never_emptied ON funding_funderstatement;"
            "DROP TRIGGER funder_statement_stays ON funding_funderstatement",
        ),
    ]
