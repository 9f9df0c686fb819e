"""The announcements of the demonstration."""

from __future__ import annotations

from datetime import timedelta

from app.models import Announcement
from app.services.demo.house import Demonstration, read


def fill(demo: Demonstration) -> None:
    """Each published so many days ago."""
    for row in read("announcements"):
        published = demo.at(row["days"], 9)
        until = row.get("expires")
        demo.add(
            Announcement(
                kind=row["kind"],
                title=row["title"],
                summary=row["summary"],
                body="".join(f"<p>{part}</p>" for part in row["body"].strip().split("\n\n")),
                publish_at=published,
                expire_at=published + timedelta(days=until) if until else None,
            )
        )
