"""PostgreSQL's own record of what was committed, by triggers, and of the state at the end.

The triggers run when a transaction commits, so they know of nothing that was rolled back, and `soak_audit.at` is later
than all that the transaction did. They also make commits slow, as a disk does, where `soak_delay` says so.
"""

import datetime as dt
from typing import Any

import asyncpg
import orjson

from scripts.soaking.changes import member_view, reactions_value
from scripts.soaking.history import AnyEntry, Committed, Marked, Stored

SETUP = """
create table soak_audit (
    id bigserial primary key, at timestamptz not null, what text not null, old jsonb, new jsonb not null
);
create table soak_delay (seconds double precision not null);
insert into soak_delay values (0);
create function soak_record() returns trigger language plpgsql as $$
begin
    if coalesce(current_setting('soak.slow', true), '') = '' then
        perform set_config('soak.slow', 'done', true);
        perform pg_sleep(seconds) from soak_delay where seconds > 0;
    end if;
    insert into soak_audit (at, what, old, new)
    values (clock_timestamp(), tg_argv[0], case when tg_op = 'UPDATE' then to_jsonb(old) end, to_jsonb(new));
    return null;
end
$$;
create constraint trigger soak_messages after insert or update on messages
    deferrable initially deferred for each row execute function soak_record('message');
create constraint trigger soak_members after insert or update on room_members
    deferrable initially deferred for each row execute function soak_record('member');
create constraint trigger soak_rooms after insert or update of change_seq on rooms
    deferrable initially deferred for each row execute function soak_record('room');
"""
# The chat lets none last for longer than 20 s.
END_OLD = """
select pg_terminate_backend(pid) from pg_stat_activity
where application_name = 'parley' and xact_start < now() - interval '30 s'
"""
RECORD = "select at, what, old, new from soak_audit order by id"
ROOMS = """
select id, last_seq, change_seq, name, archived_at is not null as archived,
       array(select message_id from pins where room_id = rooms.id order by place) as pins
from rooms
"""
MESSAGES = """
select m.id, m.room_id, m.sender_id, m.seq, m.change_seq, m.content, m.deleted_at is not null as deleted,
       (select coalesce(jsonb_agg(jsonb_build_object('kind', kind, 'userIds', users)), '[]')
        from (select kind, jsonb_agg(user_id) as users from reactions where message_id = m.id group by kind) of_kind
       ) as reactions, m.reply_to,
       array(select id from files where message_id = m.id order by place) as files, m.also_to_room
from messages m
"""
MEMBERS = """
select room_id, user_id, state, role, change_seq, last_read_seq,
       case when unread_from_mark = last_read_seq then unread_from end as unread_from
from room_members
"""


class Audit:
    """On the database itself, past the proxies. `began` is the history's time 0."""

    def __init__(self, url: str, began: float) -> None:
        self._url = url
        self._began = began

    async def set_up(self) -> None:
        """Begin to record; once, when the schema is there."""
        await self._run(SETUP)

    async def slow_commits(self, seconds: float) -> None:
        """Let each commit take this much longer."""
        await self._run(f"update soak_delay set seconds = {float(seconds)}")  # noqa: S608 - a number

    async def end_old_transactions(self) -> None:
        """As an operator does where a migration says what it waits for: end the chat's transactions that nobody
        ends, such as those of a connection that a network forgot in the middle of a statement."""
        await self._run(END_OLD)

    async def read(self, now: float) -> list[AnyEntry]:
        """What was committed, and what is there now."""
        connection = await asyncpg.connect(self._url)
        try:
            entries = self._committed(await connection.fetch(RECORD))
            messages = await connection.fetch(MESSAGES)
            members = await connection.fetch(MEMBERS)
            rooms = await connection.fetch(ROOMS)
        finally:
            await connection.close()
        for room in rooms:
            entries.append(
                Stored(
                    at=now,
                    room=room["id"],
                    last_number=room["last_seq"],
                    messages={
                        row["id"]: stored_message(row) for row in messages if row["room_id"] == room["id"]
                    },
                    members={
                        row["user_id"]: stored_member(row) for row in members if row["room_id"] == room["id"]
                    },
                    fields=stored_fields(room),
                )
            )
        return entries

    def _committed(self, rows: list[Any]) -> list[AnyEntry]:
        entries: list[AnyEntry] = []
        for row in rows:
            at = self._seconds(row["at"])
            new = orjson.loads(row["new"])
            old = orjson.loads(row["old"]) if row["old"] else {}
            what = row["what"]
            if what == "member" and old.get("last_read_seq") != new["last_read_seq"]:
                entries.append(
                    Marked(at=at, room=new["room_id"], user=new["user_id"], mark=new["last_read_seq"])
                )
            if old.get("change_seq") != new["change_seq"]:
                entries.append(committed(at, what, new))
        return entries

    def _seconds(self, moment: dt.datetime) -> float:
        return moment.timestamp() - self._began

    async def _run(self, statement: str) -> None:
        connection = await asyncpg.connect(self._url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


def committed(at: float, what: str, row: dict[str, Any]) -> Committed:
    """A row that a change of a room's log left."""
    if what == "message":
        room, item = row["room_id"], row["id"]
        value = {
            "sender": row["sender_id"],
            "seq": row["seq"],
            "text": row["content"],
            "deleted": row["deleted_at"] is not None,
            "reply": row["reply_to"],
        }
    elif what == "member":
        room, item = row["room_id"], row["user_id"]
        value = {"state": row["state"], "role": row["role"]}
    else:
        room, item = row["id"], row["id"]
        value = {"name": row["name"]}
        if "archived_at" in row:  # a release from which one upgrades may not have it
            value |= {"archived": row["archived_at"] is not None, "group": row["group_key"] is not None}
    return Committed(at=at, room=room, number=row["change_seq"], what=what, item=item, value=value)


def stored_fields(row: Any) -> list[Any]:
    """A room's own fields in the form of `changes.room_view`."""
    return [row["change_seq"], row["name"], row["archived"], list(row["pins"])] if row["change_seq"] else []


def stored_message(row: Any) -> list[Any]:
    """A message in the form of `changes.message_view`."""
    reactions = reactions_value(orjson.loads(row["reactions"]))
    place = [row["reply_to"], row["also_to_room"]]
    said = [row["content"], row["deleted"], reactions, *place, list(row["files"])]
    return [row["change_seq"], row["seq"], row["sender_id"], *said]


def stored_member(row: Any) -> list[Any]:
    """A member in the form of `changes.member_view`, the read mark, and from where on the room was marked as unread."""
    seen = {"changeSeq": row["change_seq"], "state": row["state"], "role": row["role"]}
    return [*member_view(seen), row["last_read_seq"], row["unread_from"]]
