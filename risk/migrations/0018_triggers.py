"""What the database holds about strategies and decisions: four eyes, nothing edited, no pull without a live consent."""

from django.db import migrations

from lending.common.remembered import watch

NEVER_CHANGED = """
CREATE FUNCTION risk_never_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER risk_shadowdecision_never_changed BEFORE UPDATE OR DELETE ON risk_shadowdecision
    FOR EACH ROW EXECUTE FUNCTION risk_never_changed();
"""

FOUR_EYES = """
ALTER TABLE risk_submission ADD CONSTRAINT risk_submission_four_eyes CHECK (
    state <> 'approved' OR emergency_reason <> '' OR NOT (decided_by = ANY (written_by)));
ALTER TABLE risk_submission ADD CONSTRAINT risk_submission_written_by_submitter CHECK (
    submitted_by = ANY (written_by));
"""

# What encrypted text looks like after a change of keys, which is all that a trigger can see of it.
UNDER_ANOTHER_KEY = """
CREATE FUNCTION under_another_key(before bytea, after bytea) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT substr(before, 1, 4) <> substr(after, 1, 4) AND length(before) = length(after)
$$;
"""

# Its inputs may be encrypted under another key: another key id, the same length, no other column. That they still say
# the same is proved by replaying the decision, as for any other doubt. When the kept years of an erased account are
# over they may become empty: 34 bytes are an encrypted {} under any key (key id, nonce, two letters, tag).
DECISION = """
CREATE FUNCTION risk_decision_kept() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kept risk_decision%ROWTYPE;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        kept := NEW;
        kept.inputs := OLD.inputs;
        IF kept IS NOT DISTINCT FROM OLD AND (
            substr(NEW.inputs, 1, 4) <> substr(OLD.inputs, 1, 4) AND length(NEW.inputs) = length(OLD.inputs)
            OR length(NEW.inputs) = 34 AND EXISTS (
                SELECT 1 FROM risk_assessment a JOIN users_erasure e ON e.user_id = a.user_id
                WHERE a.id = NEW.assessment_id AND e.forgotten_at IS NOT NULL)
        ) THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'risk_decision is append-only' USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER risk_decision_never_changed BEFORE UPDATE OR DELETE ON risk_decision
    FOR EACH ROW EXECUTE FUNCTION risk_decision_kept();
"""

RELEASE = """
CREATE FUNCTION risk_release_kept() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kept risk_release%ROWTYPE;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        kept := NEW;
        kept.tests := OLD.tests;
        IF kept IS NOT DISTINCT FROM OLD AND under_another_key(OLD.tests, NEW.tests) THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'risk_release is append-only' USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER risk_release_never_changed BEFORE UPDATE OR DELETE ON risk_release
    FOR EACH ROW EXECUTE FUNCTION risk_release_kept();
"""

SUBMISSION = """
CREATE FUNCTION risk_submission_kept() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kept risk_submission%ROWTYPE;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        kept := NEW;
        kept.parts := OLD.parts;
        IF kept IS NOT DISTINCT FROM OLD AND under_another_key(OLD.parts, NEW.parts) THEN
            RETURN NEW;
        END IF;
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.state = 'waiting' THEN
        kept := NEW;
        kept.state := OLD.state; kept.decided_by := OLD.decided_by; kept.decided_at := OLD.decided_at;
        kept.decision_note := OLD.decision_note; kept.release_id := OLD.release_id;
        IF kept IS NOT DISTINCT FROM OLD THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'what was submitted stays as it was' USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER risk_submission_kept BEFORE UPDATE OR DELETE ON risk_submission
    FOR EACH ROW EXECUTE FUNCTION risk_submission_kept();
"""

BINDING = """
CREATE FUNCTION risk_binding_kept() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kept risk_binding%ROWTYPE;
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.cancelled_at IS NULL AND NEW.cancelled_at < OLD.in_force_from THEN
        kept := NEW;
        kept.cancelled_by := OLD.cancelled_by; kept.cancelled_at := OLD.cancelled_at;
        IF kept IS NOT DISTINCT FROM OLD THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'risk_binding is append-only; one that has not begun can be cancelled'
        USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER risk_binding_kept BEFORE UPDATE OR DELETE ON risk_binding
    FOR EACH ROW EXECUTE FUNCTION risk_binding_kept();

CREATE FUNCTION risk_binding_of_an_emergency() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    until timestamptz;
BEGIN
    SELECT emergency_until INTO until FROM risk_release WHERE id = NEW.release_id;
    IF until IS NOT NULL AND (NEW.in_force_until IS NULL OR NEW.in_force_until > until) THEN
        RAISE EXCEPTION 'a release of an emergency serves until % at most', until USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER risk_binding_of_an_emergency BEFORE INSERT ON risk_binding
    FOR EACH ROW EXECUTE FUNCTION risk_binding_of_an_emergency();
"""

EXPERIMENT = """
CREATE FUNCTION risk_experiment_kept() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kept risk_experiment%ROWTYPE;
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.ended_at IS NULL THEN
        kept := NEW;
        kept.share_bp := OLD.share_bp; kept.ended_by := OLD.ended_by; kept.ended_at := OLD.ended_at;
        IF kept IS NOT DISTINCT FROM OLD THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'of an experiment only the share and its end may change' USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER risk_experiment_kept BEFORE UPDATE OR DELETE ON risk_experiment
    FOR EACH ROW EXECUTE FUNCTION risk_experiment_kept();
"""

PULL_NEEDS_CONSENT = """
CREATE FUNCTION risk_pull_needs_consent() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM users_require_live_consent(
        NEW.consent_id, NEW.user_id, NEW.recipient, coalesce(NEW.leased_until, NEW.created_at));
    RETURN NEW;
END $$;
CREATE TRIGGER risk_pull_needs_consent_on_insert BEFORE INSERT ON risk_datapull
    FOR EACH ROW EXECUTE FUNCTION risk_pull_needs_consent();
CREATE TRIGGER risk_pull_needs_consent_on_claim BEFORE UPDATE OF leased_until ON risk_datapull
    FOR EACH ROW WHEN (NEW.state = 'pending' AND NEW.leased_until IS NOT NULL)
    EXECUTE FUNCTION risk_pull_needs_consent();
"""


class Migration(migrations.Migration):
    replaces = [("risk", "0015_inputs_may_be_forgotten")]
    dependencies = [("risk", "0017_tables"), ("lending", "0013_triggers")]
    operations = [
        migrations.RunSQL(NEVER_CHANGED, "DROP FUNCTION risk_never_changed() CASCADE"),
        migrations.RunSQL(
            FOUR_EYES,
            "ALTER TABLE risk_submission DROP CONSTRAINT risk_submission_written_by_submitter;"
            "ALTER TABLE risk_submission DROP CONSTRAINT risk_submission_four_eyes",
        ),
        migrations.RunSQL(UNDER_ANOTHER_KEY, "DROP FUNCTION under_another_key(bytea, bytea)"),
        migrations.RunSQL(DECISION, "DROP FUNCTION risk_decision_kept() CASCADE"),
        migrations.RunSQL(RELEASE, "DROP FUNCTION risk_release_kept() CASCADE"),
        migrations.RunSQL(SUBMISSION, "DROP FUNCTION risk_submission_kept() CASCADE"),
        migrations.RunSQL(
            BINDING,
            "DROP FUNCTION risk_binding_of_an_emergency() CASCADE;"
            "DROP FUNCTION risk_binding_kept() CASCADE",
        ),
        migrations.RunSQL(EXPERIMENT, "DROP FUNCTION risk_experiment_kept() CASCADE"),
        migrations.RunSQL(PULL_NEEDS_CONSENT, "DROP FUNCTION risk_pull_needs_consent() CASCADE"),
        watch("risk_scenario", "risk_variable", "risk_binding", "risk_experiment"),
    ]
