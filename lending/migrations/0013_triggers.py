"""What constraints cannot say: the journal is append-only and balances, schedules sum, cooling-off holds."""

from django.db import migrations

from lending.common.remembered import watch

APPEND_ONLY = """
CREATE FUNCTION lending_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'append_only: % of % is refused', TG_OP, TG_TABLE_NAME USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER journal_append_only BEFORE UPDATE OR DELETE ON lending_journal
  FOR EACH ROW EXECUTE FUNCTION lending_append_only();
CREATE TRIGGER entry_append_only BEFORE UPDATE OR DELETE ON lending_entry
  FOR EACH ROW EXECUTE FUNCTION lending_append_only();
"""

BALANCE = """
CREATE FUNCTION lending_journal_balances() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  journal bigint := CASE TG_TABLE_NAME WHEN 'lending_journal' THEN NEW.id
                    ELSE (to_jsonb(NEW) ->> 'journal_id')::bigint END;
  legs bigint; total numeric;
BEGIN
  SELECT count(*), coalesce(sum(amount_cents), 0) INTO legs, total FROM lending_entry WHERE journal_id = journal;
  IF legs < 2 OR total <> 0 THEN
    RAISE EXCEPTION 'unbalanced: journal % has % legs that sum to %', journal, legs, total
      USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER journal_balances AFTER INSERT ON lending_journal
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION lending_journal_balances();
CREATE CONSTRAINT TRIGGER entry_balances AFTER INSERT ON lending_entry
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION lending_journal_balances();
"""

SCHEDULE = """
CREATE FUNCTION lending_schedule_sums() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  loan bigint := CASE TG_TABLE_NAME WHEN 'lending_loan' THEN NEW.id
                 ELSE (to_jsonb(NEW) ->> 'loan_id')::bigint END;
  owed numeric; planned numeric;
BEGIN
  SELECT principal_cents INTO owed FROM lending_loan WHERE id = loan;
  SELECT coalesce(sum(principal_cents), 0) INTO planned FROM lending_instalment WHERE loan_id = loan;
  IF owed <> planned THEN
    RAISE EXCEPTION 'schedule_sum: loan % is %, its schedule %', loan, owed, planned
      USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER loan_schedule_sums AFTER INSERT OR UPDATE OF principal_cents ON lending_loan
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION lending_schedule_sums();
CREATE CONSTRAINT TRIGGER instalment_schedule_sums AFTER INSERT OR UPDATE OF principal_cents ON lending_instalment
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION lending_schedule_sums();
"""

CREDITOR = """
CREATE FUNCTION lending_loan_has_creditor() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM lending_loancreditor WHERE loan_id = NEW.id AND from_date <= NEW.value_date) THEN
    RAISE EXCEPTION 'no_creditor: loan % has no creditor on its value date', NEW.id USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER loan_has_creditor AFTER INSERT ON lending_loan
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION lending_loan_has_creditor();
"""

# A schedule and a creditor cannot be taken away either: deletes and edits are checked like inserts.
SCHEDULE_KEPT = """
CREATE FUNCTION lending_schedule_kept() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  owed numeric; planned numeric;
BEGIN
  SELECT principal_cents INTO owed FROM lending_loan WHERE id = OLD.loan_id;
  SELECT coalesce(sum(principal_cents), 0) INTO planned FROM lending_instalment WHERE loan_id = OLD.loan_id;
  IF owed <> planned THEN
    RAISE EXCEPTION 'schedule_sum: loan % is %, its schedule %', OLD.loan_id, owed, planned
      USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER instalment_schedule_kept AFTER DELETE OR UPDATE OF loan_id ON lending_instalment
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION lending_schedule_kept();
"""

CREDITOR_KEPT = """
CREATE FUNCTION lending_creditor_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM lending_loan l WHERE l.id = OLD.loan_id AND NOT EXISTS (
      SELECT 1 FROM lending_loancreditor c WHERE c.loan_id = l.id AND c.from_date <= l.value_date)) THEN
    RAISE EXCEPTION 'no_creditor: loan % has no creditor on its value date', OLD.loan_id
      USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER creditor_kept AFTER UPDATE OR DELETE ON lending_loancreditor
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION lending_creditor_kept();
"""

COOLING_OFF = """
CREATE FUNCTION lending_cooling_off() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM lending_application
             WHERE user_id = NEW.user_id AND product_family = NEW.product_family
               AND status = 'DECLINED' AND reapply_at > NEW.created_at) THEN
    RAISE EXCEPTION 'cooling_off: user % may not apply again yet', NEW.user_id USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER application_cooling_off BEFORE INSERT ON lending_application
  FOR EACH ROW EXECUTE FUNCTION lending_cooling_off();
"""

DEMO_CLOCK = """
CREATE FUNCTION lending_clock_forward() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.offset_seconds < OLD.offset_seconds THEN
    RAISE EXCEPTION 'clock_backward: the demo clock only moves forward' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER demo_clock_forward BEFORE UPDATE ON lending_democlock
  FOR EACH ROW EXECUTE FUNCTION lending_clock_forward();
"""

# A file of a borrower is kept only under a live agreement of the account. FOR SHARE makes a withdrawal wait for the
# upload's commit, or the upload see the withdrawal.
UPLOAD_NEEDS_CONSENT = """
CREATE FUNCTION lending_upload_needs_consent() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    owner bigint;
BEGIN
    SELECT a.user_id INTO owner FROM lending_supplement s JOIN lending_application a ON a.id = s.application_id
        WHERE s.id = NEW.supplement_id;
    PERFORM FROM users_consent c
        WHERE c.user_id = owner AND c.code = 'service' AND c.withdrawn_at IS NULL AND 'platform' = ANY (c.recipients)
        FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'consent_not_live: user % has no live service agreement', owner
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER lending_upload_needs_consent BEFORE INSERT OR UPDATE OF file ON lending_supplementitem
    FOR EACH ROW WHEN (NEW.file <> '') EXECUTE FUNCTION lending_upload_needs_consent();
"""


class Migration(migrations.Migration):
    replaces = [("lending", "0010_guarantee_in_the_price")]
    dependencies = [("lending", "0012_tables"), ("users", "0034_configuration_changes_noted")]
    operations = [
        migrations.RunSQL(APPEND_ONLY, "DROP FUNCTION lending_append_only() CASCADE"),
        migrations.RunSQL(BALANCE, "DROP FUNCTION lending_journal_balances() CASCADE"),
        migrations.RunSQL(SCHEDULE, "DROP FUNCTION lending_schedule_sums() CASCADE"),
        migrations.RunSQL(CREDITOR, "DROP FUNCTION lending_loan_has_creditor() CASCADE"),
        migrations.RunSQL(SCHEDULE_KEPT, "DROP FUNCTION lending_schedule_kept() CASCADE"),
        migrations.RunSQL(CREDITOR_KEPT, "DROP FUNCTION lending_creditor_kept() CASCADE"),
        migrations.RunSQL(COOLING_OFF, "DROP FUNCTION lending_cooling_off() CASCADE"),
        migrations.RunSQL(DEMO_CLOCK, "DROP FUNCTION lending_clock_forward() CASCADE"),
        migrations.RunSQL(UPLOAD_NEEDS_CONSENT, "DROP FUNCTION lending_upload_needs_consent() CASCADE"),
        watch("lending_product"),
    ]
