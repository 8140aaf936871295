"""One migrated, otherwise empty database, which every test process copies. It stays for the next run."""

import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg2
from psycopg2 import sql

ROOT = Path(__file__).resolve().parent.parent
PREFIX = "migrated_"
LOCK = 7_315_003


def migrated_database() -> str:
    """Its name. Made by the first process that asks; older ones, of other migrations, are dropped."""
    name = PREFIX + _fingerprint()
    connection = psycopg2.connect(os.environ["DATABASE_URL"])
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
            cursor.execute("SELECT datname FROM pg_database WHERE datname LIKE %s", [PREFIX + "%"])
            found = {row[0] for row in cursor.fetchall()}
            for old in found - {name}:
                cursor.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(old)))
            if name not in found:
                _make(cursor, name)
    finally:
        connection.close()
    return name


def _make(cursor: "psycopg2.extensions.cursor", name: str) -> None:
    # Under its final name only when complete: a killed run leaves nothing that looks finished.
    building = f"{PREFIX}building"
    cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(building)))
    url = urlsplit(os.environ["DATABASE_URL"])
    environment = os.environ | {"DATABASE_URL": urlunsplit(url._replace(path=f"/{building}"))}
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(command, check=True, cwd=ROOT, env=environment)
    _number_from_a_thousand(environment["DATABASE_URL"])
    rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
    cursor.execute(rename.format(sql.Identifier(building), sql.Identifier(name)))


def _number_from_a_thousand(url: str) -> None:
    """What a test writes into the first rows of a process has no number that another test takes for nobody's."""
    connection = psycopg2.connect(url)
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT setval(format('%I.%I', schemaname, sequencename), 1000) FROM pg_sequences")
    connection.close()


def _fingerprint() -> str:
    """Of everything that decides what migrating gives: our migrations, the versions of everybody else's, this file."""
    digest = sha256((ROOT / "requirements.lock").read_bytes() + Path(__file__).read_bytes())
    for path in sorted(ROOT.glob("*/migrations/*.py")):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]
