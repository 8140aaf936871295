"""An order that is paid, failed or returned stays so; what the channel wrote about it may become empty."""

from django.db import migrations

STAYS = """
CREATE OR REPLACE FUNCTION funding_payout_facts_stay() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kept funding_payout%ROWTYPE := NEW;
BEGIN
    kept.answer := OLD.answer;
    kept.last_error := OLD.last_error;
    IF kept IS NOT DISTINCT FROM OLD AND NEW.answer IS NULL AND NEW.last_error = '' AND {erasable} THEN
        RETURN NEW;
    ELSIF (NEW.key, NEW.drawdown_id, NEW.allocation_id, NEW.card_id, NEW.amount_cents, NEW.provider) IS DISTINCT FROM
       (OLD.key, OLD.drawdown_id, OLD.allocation_id, OLD.card_id, OLD.amount_cents, OLD.provider) THEN
        RAISE EXCEPTION 'a payout order is never edited' USING ERRCODE = 'check_violation';
    ELSIF OLD.state = 'FAILED' OR (OLD.state = 'PAID' AND NEW.state <> 'RETURNED') OR OLD.state = 'RETURNED' THEN
        RAISE EXCEPTION 'payout % is %: it stays so', OLD.id, OLD.state USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("funding", "0004_programme_tags_and_levels")]
    operations = [migrations.RunSQL(STAYS.replace("{erasable}", "true"), STAYS.replace("{erasable}", "false"))]
