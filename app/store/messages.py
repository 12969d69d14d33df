"""Messages: what the batching writer appends."""

from app.db import Queries, Row


async def append(
    q: Queries,
    *,
    ids: list[str],
    room_ids: list[str],
    sender_ids: list[str],
    types: list[str],
    contents: list[str],
    metadata: list[str | None],
    client_ids: list[str | None],
) -> list[Row]:
    """Appends messages, given as parallel arrays in their order of arrival, to the logs of locked rooms.

    One row comes back for each, in that order, with its `verdict`: `created`; `repeated`, with the message
    that the sender's clientId already stands for; or `no_room`, `not_a_member`, `conflict` (that message is
    in another room) for one that was refused. No clientId may occur twice for a sender in one call.
    """
    return await q.rows(
        """
        with given as (
            select *
            from unnest(cast(:ids as text[]), cast(:room_ids as text[]), cast(:sender_ids as text[]),
                        cast(:types as text[]), cast(:contents as text[]), cast(:metadata as text[]),
                        cast(:client_ids as text[]))
                 with ordinality as given (id, room_id, sender_id, type, content, metadata, client_id, place)
        ), judged as (
            select g.*, r.last_seq, old.id as old_id,
                   case when old.room_id = g.room_id then 'repeated'
                        when old.id is not null then 'conflict'
                        when r.id is null then 'no_room'
                        when m.id is null then 'not_a_member'
                        else 'created' end as verdict
            from given g
            left join rooms r on r.id = g.room_id
            left join room_members m
                   on m.room_id = g.room_id and m.user_id = g.sender_id and m.state = 'member'
            left join messages old on old.sender_id = g.sender_id and old.client_id = g.client_id
        ), numbered as (
            select *, last_seq + row_number() over (partition by room_id order by place) as new_seq
            from judged
            where verdict = 'created'
        ), raised as (
            update rooms r
            set last_seq = n.last
            from (select room_id, max(new_seq) as last from numbered group by room_id) n
            where r.id = n.room_id
        ), created as (
            insert into messages (id, room_id, sender_id, seq, change_seq, type, content, metadata, client_id)
            select id, room_id, sender_id, new_seq, new_seq, type, content, cast(metadata as jsonb), client_id
            from numbered
            returning *
        ), known as (
            select * from created
            union all
            select m.* from messages m join judged j on j.old_id = m.id where j.verdict = 'repeated'
        )
        select j.verdict, k.id, k.room_id, k.sender_id, k.seq, k.change_seq, k.type, k.content, k.metadata,
               k.reply_to, k.client_id, k.created_at, k.modified_at, k.edited_at, k.deleted_at,
               u.username, u.display_name, u.avatar, r.kind,
               case when split_part(r.direct_key, ':', 1) = k.sender_id then split_part(r.direct_key, ':', 2)
                    else split_part(r.direct_key, ':', 1) end as receiver_id
        from judged j
        left join known k on k.id = coalesce(j.old_id, j.id)
        left join users u on u.id = k.sender_id
        left join rooms r on r.id = k.room_id
        order by j.place
        """,
        ids=ids,
        room_ids=room_ids,
        sender_ids=sender_ids,
        types=types,
        contents=contents,
        metadata=metadata,
        client_ids=client_ids,
    )
