"""Looks for what is left of a text: in the bytes of files, and in every table of PostgreSQL."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import psycopg
from psycopg import sql


def forms(word: str) -> Iterator[bytes]:
    """Yield a word as files may hold it: UTF-8, JSON with escapes, UTF-16, hex, base64."""
    plain = word.encode()
    yield plain
    yield json.dumps(word).strip('"').encode()
    yield word.encode("utf-16-le")
    yield plain.hex().encode()
    for shift in range(3):
        # Of the digits only those in the middle depend on the word alone.
        yield base64.b64encode(b" " * shift + plain)[4:-4]


def files_with(word: str, folder: Path) -> list[str]:
    """Return the names of the files under a folder that hold a word in any form."""
    wanted = tuple(forms(word))
    return [
        path.name
        for path in sorted(folder.rglob("*"))
        if path.is_file() and any(form in path.read_bytes() for form in wanted)
    ]


def tables_with(word: str, url: str) -> list[str]:
    """Return the tables of a PostgreSQL database that hold a word in any form, in any schema."""
    wanted = [f"%{form.decode('latin-1')}%" for form in forms(word) if form.isascii()]
    # A column of bytes is written as hexadecimal digits.
    wanted.append(f"%{word}%")
    found = []
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "SELECT table_schema, table_name FROM information_schema.tables"
            " WHERE table_schema NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        for schema, name in tables:
            holds = sql.SQL("SELECT count(*) FROM {} AS one WHERE one::text LIKE ANY(%s)").format(
                sql.Identifier(schema, name)
            )
            if connection.execute(holds, (wanted,)).fetchone() != (0,):
                found.append(name)
    return found
