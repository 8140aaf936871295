from django.db import migrations

from lending.common.remembered import watch

# The newest 500 are kept; a lock that somebody else holds on an old one is no reason to wait.
NOTE = """
CREATE TABLE configuration_change (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    changed text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE FUNCTION note_configuration_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE newest bigint;
BEGIN
    INSERT INTO configuration_change (changed) VALUES (TG_TABLE_NAME) RETURNING id INTO newest;
    DELETE FROM configuration_change WHERE id IN (
        SELECT id FROM configuration_change WHERE id <= newest - 500 FOR UPDATE SKIP LOCKED
    );
    RETURN NULL;
END $$;
"""
FORGET = "DROP FUNCTION note_configuration_change(); DROP TABLE configuration_change"


class Migration(migrations.Migration):

    dependencies = [
        ('users', '0025_collector_lists'),
    ]

    operations = [
        migrations.RunSQL(NOTE, FORGET),
        watch('users_source', 'users_drill', 'users_level', 'users_document', 'users_collectionrule'),
    ]
