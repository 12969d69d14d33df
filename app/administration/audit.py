"""The audit log of all administrative acts."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec

from app import store
from app.db.queries import Queries
from app.store.administration.audit_log import AuditRow

PAGE = 500  # rows read at a time


async def note(q: Queries, actor: str, action: str, subject_id: str, subject: str, **details: Any) -> None:
    """Notes an act in the transaction that does it: by whom, what, about what with which name, and more."""
    await store.audit_log.append(
        q,
        actor=actor,
        action=action,
        subject_id=subject_id,
        subject=subject,
        details=msgspec.json.encode(details).decode(),
    )


async def acts(q: Queries) -> AsyncIterator[AuditRow]:
    """All acts, the oldest first."""
    after = 0
    while rows := await store.audit_log.listed(q, after=after, limit=PAGE):
        for row in rows:
            yield row
        after = rows[-1].id
