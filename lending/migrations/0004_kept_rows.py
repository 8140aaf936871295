"""A schedule and a creditor cannot be taken away either: deletes and edits are checked like inserts."""

from django.db import migrations

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


class Migration(migrations.Migration):
    dependencies = [("lending", "0003_customer")]

    operations = [
        migrations.RunSQL(
            SCHEDULE_KEPT,
            "DROP TRIGGER instalment_schedule_kept ON lending_instalment; DROP FUNCTION lending_schedule_kept()",
        ),
        migrations.RunSQL(
            CREDITOR_KEPT,
            "DROP TRIGGER creditor_kept ON lending_loancreditor; DROP FUNCTION lending_creditor_kept()",
        ),
    ]
