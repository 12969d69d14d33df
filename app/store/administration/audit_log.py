"""The audit log: what administrators did. PostgreSQL refuses to change or delete what is in it."""

import datetime as dt

from app.db.queries import Queries
from app.db.rows import Row


class AuditRow(Row, frozen=True):
    """One act. `details` are a JSON object."""

    id: int
    at: dt.datetime
    actor: str
    action: str
    subject_id: str
    subject: str
    details: str


async def append(q: Queries, *, actor: str, action: str, subject_id: str, subject: str, details: str) -> None:
    """Notes an act, in the transaction that does it; `details` are a JSON object."""
    await q.value(
        """
        insert into audit_log (actor, action, subject_id, subject, details)
        values (:actor, :action, :subject_id, :subject, cast(cast(:details as text) as jsonb))
        """,
        actor=actor,
        action=action,
        subject_id=subject_id,
        subject=subject,
        details=details,
    )


async def newest(q: Queries, *, before: int | None, limit: int) -> list[AuditRow]:
    """Acts, the newest first, below the number `before`."""
    return await q.rows(
        AuditRow,
        """
        select id, at, actor, action, subject_id, subject, cast(details as text) as details
        from audit_log
        where id < coalesce(cast(:before as bigint), 9223372036854775807)
        order by id desc
        limit :limit
        """,
        before=before,
        limit=limit,
    )


async def listed(q: Queries, *, after: int, limit: int) -> list[AuditRow]:
    """Acts in the order of their numbers, behind the number `after`."""
    return await q.rows(
        AuditRow,
        """
        select id, at, actor, action, subject_id, subject, cast(details as text) as details
        from audit_log
        where id > cast(:after as bigint)
        order by id
        limit :limit
        """,
        after=after,
        limit=limit,
    )
