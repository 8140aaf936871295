"""What no constraint can say: by whom a borrower came and what that earns stays, and nothing leaves unconsented."""

from django.db import migrations

from lending.common.remembered import watch

# Whose borrower it was is what channels are paid by. A row's trigger does not see TRUNCATE.
ATTRIBUTION = """
CREATE TRIGGER attribution_frozen BEFORE UPDATE OR DELETE ON traffic_attribution FOR EACH ROW EXECUTE FUNCTION lending_append_only();
CREATE TRIGGER attribution_never_emptied BEFORE TRUNCATE ON traffic_attribution FOR EACH STATEMENT EXECUTE FUNCTION lending_append_only();
"""

LINE = """
CREATE FUNCTION traffic_statement_is_draft() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM traffic_channelstatement s WHERE s.id IN (OLD.statement_id, NEW.statement_id)
      AND (s.state <> 'draft' OR s.channel_id <> NEW.channel_id OR s.currency <> NEW.currency)) THEN
    RAISE EXCEPTION 'append_only: the statement of line % is no draft of its channel', NEW.id
      USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER settlement_line_stays BEFORE DELETE OR UPDATE OF id, channel_id, kind, reason, source, application_id,
  drawdown_id, reverses_id, base_cents, rate, amount_cents, currency, earned_at, on_date,
  "by", note ON traffic_settlementline
  FOR EACH ROW EXECUTE FUNCTION lending_append_only();
CREATE TRIGGER settlement_line_never_emptied BEFORE TRUNCATE ON traffic_settlementline
  FOR EACH STATEMENT EXECUTE FUNCTION lending_append_only();
CREATE TRIGGER settlement_line_of_a_draft BEFORE UPDATE OF statement_id ON traffic_settlementline
  FOR EACH ROW WHEN (OLD.statement_id IS DISTINCT FROM NEW.statement_id) EXECUTE FUNCTION traffic_statement_is_draft();
CREATE TRIGGER settlement_line_into_a_draft BEFORE INSERT ON traffic_settlementline
  FOR EACH ROW WHEN (NEW.statement_id IS NOT NULL) EXECUTE FUNCTION traffic_statement_is_draft();
"""

STATEMENT = """
CREATE FUNCTION traffic_statement_by_others() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM traffic_settlementline l WHERE l.statement_id = NEW.id AND l."by" = NEW.decided_by) THEN
    RAISE EXCEPTION 'two_people: who adjusted statement % does not approve it', NEW.id USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER channel_statement_stays BEFORE UPDATE OR DELETE ON traffic_channelstatement
  FOR EACH ROW WHEN (OLD.state <> 'draft') EXECUTE FUNCTION lending_append_only();
CREATE TRIGGER channel_statement_never_emptied BEFORE TRUNCATE ON traffic_channelstatement
  FOR EACH STATEMENT EXECUTE FUNCTION lending_append_only();
CREATE TRIGGER channel_statement_by_others BEFORE UPDATE OF state ON traffic_channelstatement
  FOR EACH ROW WHEN (NEW.state = 'approved') EXECUTE FUNCTION traffic_statement_by_others();
"""

# At insert and at the two claims under which something leaves; a claim to ask by key sends nothing of anybody. The
# lease ends after the claim, so a consent withdrawn by then is withdrawn now.
LEAD = """
CREATE FUNCTION traffic_lead_needs_consent() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM users_require_live_consent(
        NEW.consent_id, NEW.user_id, NEW.recipient, coalesce(NEW.leased_until, NEW.created_at));
    RETURN NEW;
END $$;
CREATE TRIGGER traffic_lead_needs_consent_on_insert BEFORE INSERT ON traffic_lead
    FOR EACH ROW EXECUTE FUNCTION traffic_lead_needs_consent();
CREATE TRIGGER traffic_lead_needs_consent_on_claim BEFORE UPDATE OF leased_until ON traffic_lead
    FOR EACH ROW WHEN (NEW.state IN ('CHOSEN', 'READY') AND NEW.leased_until IS NOT NULL)
    EXECUTE FUNCTION traffic_lead_needs_consent();

CREATE FUNCTION traffic_lead_is_its_offers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.recipient <> NEW.platform_id OR NOT EXISTS (
        SELECT 1 FROM traffic_offer o WHERE o.id = NEW.offer_id AND o.user_id = NEW.user_id
          AND o.application_id = NEW.application_id AND o.platform_id = NEW.platform_id
          AND o.amount_cents = NEW.amount_cents
    ) OR NOT EXISTS (
        SELECT 1 FROM users_consent c WHERE c.id = NEW.consent_id AND c.code = 'distribution'
    ) THEN
        RAISE EXCEPTION 'lead_mismatch: borrower, platform and amount must be those of the offer and its consent'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER traffic_lead_is_its_offers BEFORE INSERT
    OR UPDATE OF offer_id, user_id, application_id, platform_id, recipient, amount_cents, consent_id ON traffic_lead
    FOR EACH ROW EXECUTE FUNCTION traffic_lead_is_its_offers();
"""

PLATFORM_LINE = """
CREATE FUNCTION traffic_platformline_never_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'traffic_platformline is append-only' USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER traffic_platformline_append_only BEFORE UPDATE OR DELETE ON traffic_platformline
    FOR EACH ROW EXECUTE FUNCTION traffic_platformline_never_changed();
"""

PLATFORM_PAYMENT = """
CREATE TRIGGER platform_payment_stays BEFORE UPDATE OR DELETE ON traffic_platformpayment
  FOR EACH ROW EXECUTE FUNCTION lending_append_only();
CREATE TRIGGER platform_payment_never_emptied BEFORE TRUNCATE ON traffic_platformpayment
  FOR EACH STATEMENT EXECUTE FUNCTION lending_append_only();
"""


class Migration(migrations.Migration):
    replaces = [("traffic", "0016_platform_payments")]
    dependencies = [("traffic", "0018_tables"), ("lending", "0013_triggers")]
    operations = [
        migrations.RunSQL(
            ATTRIBUTION,
            "DROP TRIGGER attribution_never_emptied ON traffic_attribution;"
            "DROP TRIGGER attribution_frozen ON traffic_attribution",
        ),
        migrations.RunSQL(
            LINE,
            "DROP FUNCTION traffic_statement_is_draft() CASCADE;"
            "DROP TRIGGER settlement_line_never_emptied ON traffic_settlementline;"
            "DROP TRIGGER settlement_line_stays ON traffic_settlementline",
        ),
        migrations.RunSQL(
            STATEMENT,
            "DROP FUNCTION traffic_statement_by_others() CASCADE;"
            "DROP TRIGGER channel_statement_never_emptied ON traffic_channelstatement;"
            "DROP TRIGGER channel_statement_stays ON traffic_channelstatement",
        ),
        migrations.RunSQL(
            LEAD,
            "DROP FUNCTION traffic_lead_is_its_offers() CASCADE;"
            "DROP FUNCTION traffic_lead_needs_consent() CASCADE",
        ),
        migrations.RunSQL(PLATFORM_LINE, "DROP FUNCTION traffic_platformline_never_changed() CASCADE"),
        migrations.RunSQL(
            PLATFORM_PAYMENT,
            "DROP TRIGGER platform_payment_never_emptied ON traffic_platformpayment;"
            "DROP TRIGGER platform_payment_stays ON traffic_platformpayment",
        ),
        watch("traffic_partnerstatus"),
    ]
