"""What the database holds about strategies: four eyes, frozen submissions, bindings that only a cancellation touches."""

import hashlib
import json

from django.db import migrations

HELD = """
ALTER TABLE risk_submission ADD CONSTRAINT risk_submission_four_eyes CHECK (
    state <> 'approved' OR emergency_reason <> '' OR NOT (decided_by = ANY (written_by)));
ALTER TABLE risk_submission ADD CONSTRAINT risk_submission_written_by_submitter CHECK (
    submitted_by = ANY (written_by));

-- What encrypted text looks like after a change of keys, which is all that a trigger can see of it.
CREATE FUNCTION under_another_key(before bytea, after bytea) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT substr(before, 1, 4) <> substr(after, 1, 4) AND length(before) = length(after)
$$;

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
DROP TRIGGER risk_release_never_changed ON risk_release;
CREATE TRIGGER risk_release_never_changed BEFORE UPDATE OR DELETE ON risk_release
    FOR EACH ROW EXECUTE FUNCTION risk_release_kept();

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
DROP TRIGGER risk_binding_never_changed ON risk_binding;
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

CREATE TRIGGER risk_shadowdecision_never_changed BEFORE UPDATE OR DELETE ON risk_shadowdecision
    FOR EACH ROW EXECUTE FUNCTION risk_never_changed();
"""
LET_GO = """
DROP TRIGGER risk_shadowdecision_never_changed ON risk_shadowdecision;
DROP TRIGGER risk_experiment_kept ON risk_experiment;
DROP FUNCTION risk_experiment_kept();
DROP TRIGGER risk_binding_of_an_emergency ON risk_binding;
DROP FUNCTION risk_binding_of_an_emergency();
DROP TRIGGER risk_binding_kept ON risk_binding;
DROP FUNCTION risk_binding_kept();
CREATE TRIGGER risk_binding_never_changed BEFORE UPDATE OR DELETE ON risk_binding
    FOR EACH ROW EXECUTE FUNCTION risk_never_changed();
DROP TRIGGER risk_submission_kept ON risk_submission;
DROP FUNCTION risk_submission_kept();
DROP TRIGGER risk_release_never_changed ON risk_release;
DROP FUNCTION risk_release_kept();
CREATE TRIGGER risk_release_never_changed BEFORE UPDATE OR DELETE ON risk_release
    FOR EACH ROW EXECUTE FUNCTION risk_never_changed();
DROP FUNCTION under_another_key(bytea, bytea);
ALTER TABLE risk_submission DROP CONSTRAINT risk_submission_written_by_submitter;
ALTER TABLE risk_submission DROP CONSTRAINT risk_submission_four_eyes;
"""


def name_closures(apps, schema_editor):
    """Of releases made before: the hash of the graphs of a release and of all that it pins."""
    Release = apps.get_model("risk", "Release")
    rows = {row.pk: row for row in Release.objects.all()}

    def closure(row):
        found = {row.key: row.graph}
        for pin in row.pins.values():
            found |= closure(rows[pin])
        return found

    with schema_editor.connection.cursor() as cursor:
        cursor.execute("ALTER TABLE risk_release DISABLE TRIGGER risk_release_never_changed")
        for row in rows.values():
            text = json.dumps(closure(row), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            cursor.execute(
                "UPDATE risk_release SET closure_sha256 = %s WHERE id = %s",
                [hashlib.sha256(text.encode()).hexdigest(), row.pk],
            )
        cursor.execute("ALTER TABLE risk_release ENABLE TRIGGER risk_release_never_changed")


class Migration(migrations.Migration):
    dependencies = [("risk", "0005_strategy_authoring")]

    operations = [
        migrations.RunPython(name_closures, migrations.RunPython.noop),
        migrations.RunSQL(HELD, LET_GO),
    ]
