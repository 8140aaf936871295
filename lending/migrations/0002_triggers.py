"""What constraints cannot say: the journal is append-only and balances, schedules sum, cooling-off holds."""

from django.db import migrations

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

REVERSE = """
DROP TRIGGER demo_clock_forward ON lending_democlock;
DROP FUNCTION lending_clock_forward;
DROP TRIGGER application_cooling_off ON lending_application;
DROP FUNCTION lending_cooling_off;
DROP TRIGGER loan_has_creditor ON lending_loan;
DROP FUNCTION lending_loan_has_creditor;
DROP TRIGGER loan_schedule_sums ON lending_loan;
DROP TRIGGER instalment_schedule_sums ON lending_instalment;
DROP FUNCTION lending_schedule_sums;
DROP TRIGGER journal_balances ON lending_journal;
DROP TRIGGER entry_balances ON lending_entry;
DROP FUNCTION lending_journal_balances;
DROP TRIGGER journal_append_only ON lending_journal;
DROP TRIGGER entry_append_only ON lending_entry;
DROP FUNCTION lending_append_only CASCADE;
"""


class Migration(migrations.Migration):
    dependencies = [("lending", "0001_initial")]

    operations = [
        migrations.RunSQL(
            sql=APPEND_ONLY + BALANCE + SCHEDULE + CREDITOR + COOLING_OFF + DEMO_CLOCK, reverse_sql=REVERSE
        )
    ]
