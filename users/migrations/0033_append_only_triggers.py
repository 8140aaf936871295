"""What no constraint can say: logs, histories and consents are never edited, nor emptied."""

from django.db import migrations

NEVER_CHANGED = """
CREATE FUNCTION users_never_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER users_document_never_changed BEFORE UPDATE OR DELETE ON users_document
    FOR EACH ROW EXECUTE FUNCTION users_never_changed();
CREATE TRIGGER users_consent_never_deleted BEFORE DELETE ON users_consent
    FOR EACH ROW EXECUTE FUNCTION users_never_changed();
CREATE TRIGGER users_staffact_append_only BEFORE UPDATE OR DELETE ON users_staffact
    FOR EACH ROW EXECUTE FUNCTION users_never_changed();
CREATE TRIGGER users_amendment_append_only BEFORE UPDATE OR DELETE ON users_amendment
    FOR EACH ROW EXECUTE FUNCTION users_never_changed();
CREATE TRIGGER users_accesslog_append_only BEFORE UPDATE ON users_accesslog
    FOR EACH ROW EXECUTE FUNCTION users_never_changed();
CREATE TRIGGER users_accesslog_kept_for_ever BEFORE DELETE ON users_accesslog
    FOR EACH ROW WHEN (OLD.subject NOT LIKE 'user:%') EXECUTE FUNCTION users_never_changed();
"""

# What the law keeps of an erased account ends on a day; after it log and level history of that account may go.
KEPT_ITS_YEARS = """
CREATE FUNCTION users_kept_its_years() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    whose text := coalesce(to_jsonb(OLD) ->> 'user_id', substr(to_jsonb(OLD) ->> 'subject', 6));
BEGIN
    IF TG_OP = 'DELETE' AND EXISTS (
        SELECT 1 FROM users_erasure e WHERE e.user_id::text = whose AND e.forgotten_at IS NOT NULL
    ) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER users_accesslog_kept BEFORE DELETE ON users_accesslog
    FOR EACH ROW WHEN (OLD.subject LIKE 'user:%') EXECUTE FUNCTION users_kept_its_years();
CREATE TRIGGER users_userlevelchange_append_only BEFORE UPDATE OR DELETE ON users_userlevelchange
    FOR EACH ROW EXECUTE FUNCTION users_kept_its_years();
"""

# A row's trigger does not see TRUNCATE.
NEVER_EMPTIED = """
CREATE FUNCTION users_never_emptied() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER users_accesslog_never_emptied BEFORE TRUNCATE ON users_accesslog
    FOR EACH STATEMENT EXECUTE FUNCTION users_never_emptied();
CREATE TRIGGER users_staffact_never_emptied BEFORE TRUNCATE ON users_staffact
    FOR EACH STATEMENT EXECUTE FUNCTION users_never_emptied();
CREATE TRIGGER users_consent_never_emptied BEFORE TRUNCATE ON users_consent
    FOR EACH STATEMENT EXECUTE FUNCTION users_never_emptied();
CREATE TRIGGER users_document_never_emptied BEFORE TRUNCATE ON users_document
    FOR EACH STATEMENT EXECUTE FUNCTION users_never_emptied();
"""

# A consent is withdrawn once. Its address may be encrypted under another key (another key id, the same length) and be
# emptied; nothing else ever changes. "AND false" is what is left of the time when addresses were not encrypted: every
# database has the same text.
CONSENT_ONLY_WITHDRAWN = """
CREATE FUNCTION users_consent_only_withdrawn() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kept users_consent%ROWTYPE := NEW;
BEGIN
    kept.ip := OLD.ip;
    IF kept IS NOT DISTINCT FROM OLD AND (
        OLD.ip IS NULL AND false OR NEW.ip IS NULL
        OR substr(NEW.ip, 1, 4) <> substr(OLD.ip, 1, 4) AND length(NEW.ip) = length(OLD.ip)
    ) THEN
        RETURN NEW;
    END IF;
    kept := NEW;
    kept.withdrawn_at := OLD.withdrawn_at;
    kept.withdrawn_by := OLD.withdrawn_by;
    IF kept IS DISTINCT FROM OLD OR OLD.withdrawn_at IS NOT NULL THEN
        RAISE EXCEPTION 'a consent is withdrawn once and never edited' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER users_consent_only_withdrawn BEFORE UPDATE ON users_consent
    FOR EACH ROW EXECUTE FUNCTION users_consent_only_withdrawn();
"""

WECHAT_BOUND_ONCE = """
CREATE FUNCTION users_wechat_bound_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a WeChat identity is bound once' USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER users_wechat_bound_once BEFORE UPDATE OF user_id, bound_at ON users_wechatidentity
    FOR EACH ROW WHEN (OLD.user_id IS NOT NULL
        AND (NEW.user_id IS DISTINCT FROM OLD.user_id OR NEW.bound_at IS DISTINCT FROM OLD.bound_at))
    EXECUTE FUNCTION users_wechat_bound_once();
"""


class Migration(migrations.Migration):
    replaces = [("users", "0027_operator_authorisation")]
    dependencies = [("users", "0032_consent_triggers")]
    operations = [
        migrations.RunSQL(NEVER_CHANGED, "DROP FUNCTION users_never_changed() CASCADE"),
        migrations.RunSQL(KEPT_ITS_YEARS, "DROP FUNCTION users_kept_its_years() CASCADE"),
        migrations.RunSQL(NEVER_EMPTIED, "DROP FUNCTION users_never_emptied() CASCADE"),
        migrations.RunSQL(CONSENT_ONLY_WITHDRAWN, "DROP FUNCTION users_consent_only_withdrawn() CASCADE"),
        migrations.RunSQL(WECHAT_BOUND_ONCE, "DROP FUNCTION users_wechat_bound_once() CASCADE"),
    ]
