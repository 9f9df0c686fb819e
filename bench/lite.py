"""The same titles in SQLite: whether its search finds what stands there."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter

from sqlalchemy import (
    Column,
    Integer,
    MetaData,
    Table,
    Text,
    create_engine,
    func,
    insert,
    select,
    text,
)

from app.search import create_indexes, search
from bench import data

CHUNK = 50_000


def exact(folder: Path, count: int, phrases: tuple[str, ...]) -> dict[str, dict[str, float]]:
    """Phrase -> in how many of ``count`` titles it is found, and stands; seconds of the search."""
    rows = Table("title", MetaData(), Column("id", Integer, primary_key=True),
                 Column("search_text", Text, nullable=False))  # fmt: skip
    engine = create_engine(f"sqlite:///{folder / 'titles.db'}")
    found = {}
    with engine.begin() as connection:
        rows.create(connection)
        for first in range(0, count, CHUNK):
            made = [
                {"id": number + 1, "search_text": data.search_text(number, count)}
                for number in range(first, min(first + CHUNK, count))
            ]
            connection.execute(insert(rows), made)
        create_indexes(connection, rows.name)
        connection.execute(text("INSERT INTO title_search (title_search) VALUES ('rebuild')"))
        for phrase in phrases:
            started = perf_counter()
            hits = connection.scalar(select(func.count()).where(search(rows.c.search_text, phrase)))
            taken = perf_counter() - started
            there = data.containing(phrase, count)
            found[phrase] = {"found": hits or 0, "there": there, "seconds": taken}
    engine.dispose()
    return found
