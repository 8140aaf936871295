"""What the law keeps of an erased account ends on a day; after it log and level history of that account may go."""

from django.db import migrations, models

DAY = """
UPDATE users_erasure SET keep_until = ((erased_at AT TIME ZONE 'Asia/Shanghai')::date + interval '3 years')::date
WHERE keep_until IS NULL
"""
APPEND_ONLY = """
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
DROP TRIGGER users_userlevelchange_append_only ON users_userlevelchange;
CREATE TRIGGER users_userlevelchange_append_only BEFORE UPDATE OR DELETE ON users_userlevelchange
    FOR EACH ROW EXECUTE FUNCTION users_kept_its_years();
DROP TRIGGER users_accesslog_append_only ON users_accesslog;
CREATE TRIGGER users_accesslog_append_only BEFORE UPDATE ON users_accesslog
    FOR EACH ROW EXECUTE FUNCTION users_never_changed();
CREATE TRIGGER users_accesslog_kept BEFORE DELETE ON users_accesslog
    FOR EACH ROW WHEN (OLD.subject LIKE 'user:%') EXECUTE FUNCTION users_kept_its_years();
CREATE TRIGGER users_accesslog_kept_for_ever BEFORE DELETE ON users_accesslog
    FOR EACH ROW WHEN (OLD.subject NOT LIKE 'user:%') EXECUTE FUNCTION users_never_changed();
"""
BEFORE = """
DROP TRIGGER users_accesslog_kept_for_ever ON users_accesslog;
DROP TRIGGER users_accesslog_kept ON users_accesslog;
DROP TRIGGER users_accesslog_append_only ON users_accesslog;
CREATE TRIGGER users_accesslog_append_only BEFORE UPDATE OR DELETE ON users_accesslog
    FOR EACH ROW EXECUTE FUNCTION users_never_changed();
DROP TRIGGER users_userlevelchange_append_only ON users_userlevelchange;
CREATE TRIGGER users_userlevelchange_append_only BEFORE UPDATE OR DELETE ON users_userlevelchange
    FOR EACH ROW EXECUTE FUNCTION users_never_changed();
DROP FUNCTION users_kept_its_years();
"""


class Migration(migrations.Migration):
    dependencies = [("users", "0022_addresses_only_encrypted")]
    operations = [
        migrations.RemoveConstraint("erasure", "users_erasure_of_loans_has_an_end"),
        migrations.RunSQL(DAY, migrations.RunSQL.noop),
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE", migrations.RunSQL.noop),
        migrations.AlterField("erasure", "keep_until", models.DateField()),
        migrations.AddField("erasure", "forgotten_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddIndex(
            "erasure",
            models.Index(
                fields=["keep_until"], condition=models.Q(forgotten_at__isnull=True), name="users_erasure_to_forget"
            ),
        ),
        migrations.RunSQL(APPEND_ONLY, BEFORE),
    ]
