-- The statements of an instance of this release while three people used it, each transaction as a whole.

prepare s1 as
insert into users (id, username, skeleton, display_name, credential)
values ($1, cast($2 as text), username_skeleton($2), $3, $4)
on conflict do nothing
returning id, username, display_name, avatar, last_seen_at, created_at, modified_at, token_generation;

prepare s2 as
insert into known_networks (place, user_id)
values ($1, $2)
on conflict (place) do update set seen_at = now()
where known_networks.seen_at < now() - interval '1 day'
returning true;

prepare s3 as
delete from known_networks
where user_id = $1
  and place not in (
      select place from known_networks where user_id = $1 order by seen_at desc, place limit 20
  );

prepare s4 as
select id, last_seen_at from users where id = any(cast($1 as text[]));

prepare s5 as
select id, username, display_name, avatar, last_seen_at, created_at, modified_at, token_generation, credential
from users
where lower(username collate "C") = lower(cast($1 as text) collate "C");

prepare s6 as
select true from known_networks where place = $1 and seen_at > now() - interval '90 days';

prepare s7 as
select true
from users
where id = $1 and token_generation = $2
  and not exists (select from revoked_tokens where jti = $3);

prepare s8 as
insert into rooms (id, kind, name, description, created_by)
values ($1, $2, $3, $4, $5);

prepare s9 as
select id from users where id = $1 for no key update;

prepare s10 as
select count(*)
from room_members m
join rooms r on r.id = m.room_id
where m.user_id = $1 and m.state = $2 and m.state in ('member', 'invited') and r.kind <> 'direct';

prepare s11 as
update rooms set last_seq = last_seq + 1 where id = $1 returning last_seq;

prepare s12 as
insert into room_members (id, room_id, user_id, role, state, changed_by, change_seq, last_read_seq)
values ($1, $2, $3, $4, $5, $6, $7, $7)
on conflict (room_id, user_id) do update
set role = excluded.role, state = excluded.state, change_seq = excluded.change_seq, joined_at = now(),
    left_at = null, changed_by = excluded.changed_by, last_read_at = null,
    last_read_seq = excluded.last_read_seq, muted_until = null, hidden_at_seq = null;

prepare s13 as
select room_id, user_id, role, state, change_seq, joined_at, left_at, last_read_seq, last_read_at,
       username, display_name, avatar
from shown_members
 where room_id = $1 and user_id = $2;

prepare s14 as
select r.id, r.kind, r.name, r.description, r.created_by, r.change_seq, r.created_at, r.modified_at, r.last_seq,
       r.unread, r.role, r.state, r.joined_at, r.last_read_at, r.last_read_seq,
       coalesce(m.muted_until > now(), false) as muted,
       case when m.muted_until > now() and isfinite(m.muted_until) then m.muted_until end as muted_until
from shown_rooms r
join room_members m on m.room_id = r.id and m.user_id = r.user_id
 where r.id = $1 and r.user_id = $2 and r.state = $3;

prepare s15 as
select state, role from room_members where room_id = $1 and user_id = $2;

prepare s16 as
select id, kind, name, description from rooms where id = $1 for no key update;

prepare s17 as
select exists (
           select from room_members
           where room_id = $1 and user_id <> $2 and state = 'member'
       ) as members,
       exists (
           select from room_members
           where room_id = $1 and user_id <> $2 and state = 'member' and role = 'admin'
       ) as admins;

prepare s18 as
select id, username, display_name, avatar, last_seen_at, created_at, modified_at
from users
where id = $1;

prepare s19 as
select id from users where id = any(cast($1 as text[])) order by id for no key update;

prepare s20 as
select u.direct_messages_from, u.invitations_from,
       exists (select from user_blocks where blocker_id = u.id and blocked_id = $1) as blocked,
       exists (select from user_blocks where blocker_id = $1 and blocked_id = u.id) as blocking,
       exists (
           select
           from room_members mine
           join rooms r on r.id = mine.room_id and r.kind <> 'direct'
           join room_members theirs on theirs.room_id = r.id
           where mine.user_id = $1 and mine.state = 'member'
             and theirs.user_id = u.id and theirs.state = 'member'
       ) as share_room
from users u
where u.id = $2;

prepare s21 as
select true from declined_invitations
where room_id = $1 and user_id = $2 and inviter_id = $3
  and declined_at > now() - cast($4 as integer) * interval '1 hour';

prepare s22 as
select count(*) as of_inviter, count(*) filter (where user_id = $1) as of_pair
from room_members
where changed_by = $2 and state = 'invited';

prepare s23 as
select r.id, r.name, r.description, r.created_at,
       (select count(*)
        from (select from room_members m where m.room_id = r.id and m.state = 'member' limit 1000) counted
       ) as member_count,
       exists (
           select from room_members mine
           where mine.room_id = r.id and mine.user_id = $1 and mine.state = 'member'
       ) as joined
from rooms r
where r.kind = 'public' and r.id > coalesce(cast($2 as text), '')
 order by r.id limit $3;

prepare s24 as
select count(*) from files where owner_id = $1 and message_id is null and expires_at > now();

prepare s25 as
insert into files (id, owner_id, name, media_type, size, width, height, storage_key, thumbnail_key)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
returning id, name, media_type, size, width, height, thumbnail_key, storage_key;

prepare s26 as
select id from rooms where id = any(cast($1 as text[])) order by id for no key update;

prepare s27 as
SELECT
    current_setting('jit') AS cur,
    set_config('jit', 'off', false) AS new;

prepare s28 as
WITH RECURSIVE typeinfo_tree(
    oid, ns, name, kind, basetype, elemtype, elemdelim,
    range_subtype, attrtypoids, attrnames, depth)
AS (
    SELECT
        ti.oid, ti.ns, ti.name, ti.kind, ti.basetype,
        ti.elemtype, ti.elemdelim, ti.range_subtype,
        ti.attrtypoids, ti.attrnames, 0
    FROM
            (
        SELECT
            t.oid                           AS oid,
            ns.nspname                      AS ns,
            t.typname                       AS name,
            t.typtype                       AS kind,
            (CASE WHEN t.typtype = 'd' THEN
                (WITH RECURSIVE typebases(oid, depth) AS (
                    SELECT
                        t2.typbasetype      AS oid,
                        0                   AS depth
                    FROM
                        pg_type t2
                    WHERE
                        t2.oid = t.oid

                    UNION ALL

                    SELECT
                        t2.typbasetype      AS oid,
                        tb.depth + 1        AS depth
                    FROM
                        pg_type t2,
                        typebases tb
                    WHERE
                       tb.oid = t2.oid
                       AND t2.typbasetype != 0
               ) SELECT oid FROM typebases ORDER BY depth DESC LIMIT 1)

               ELSE NULL
            END)                            AS basetype,
            t.typelem                       AS elemtype,
            elem_t.typdelim                 AS elemdelim,
            COALESCE(
                range_t.rngsubtype,
                multirange_t.rngsubtype)    AS range_subtype,
            (CASE WHEN t.typtype = 'c' THEN
                (SELECT
                    array_agg(ia.atttypid ORDER BY ia.attnum)
                FROM
                    pg_attribute ia
                    INNER JOIN pg_class c
                        ON (ia.attrelid = c.oid)
                WHERE
                    ia.attnum > 0 AND NOT ia.attisdropped
                    AND c.reltype = t.oid)

                ELSE NULL
            END)                            AS attrtypoids,
            (CASE WHEN t.typtype = 'c' THEN
                (SELECT
                    array_agg(ia.attname::text ORDER BY ia.attnum)
                FROM
                    pg_attribute ia
                    INNER JOIN pg_class c
                        ON (ia.attrelid = c.oid)
                WHERE
                    ia.attnum > 0 AND NOT ia.attisdropped
                    AND c.reltype = t.oid)

                ELSE NULL
            END)                            AS attrnames
        FROM
            pg_catalog.pg_type AS t
            INNER JOIN pg_catalog.pg_namespace ns ON (
                ns.oid = t.typnamespace)
            LEFT JOIN pg_type elem_t ON (
                t.typlen = -1 AND
                t.typelem != 0 AND
                t.typelem = elem_t.oid
            )
            LEFT JOIN pg_range range_t ON (
                t.oid = range_t.rngtypid
            )
            LEFT JOIN pg_range multirange_t ON (
                t.oid = multirange_t.rngmultitypid
            )
    )
 AS ti
    WHERE
        ti.oid = any($1::oid[])

    UNION ALL

    SELECT
        ti.oid, ti.ns, ti.name, ti.kind, ti.basetype,
        ti.elemtype, ti.elemdelim, ti.range_subtype,
        ti.attrtypoids, ti.attrnames, tt.depth + 1
    FROM
            (
        SELECT
            t.oid                           AS oid,
            ns.nspname                      AS ns,
            t.typname                       AS name,
            t.typtype                       AS kind,
            (CASE WHEN t.typtype = 'd' THEN
                (WITH RECURSIVE typebases(oid, depth) AS (
                    SELECT
                        t2.typbasetype      AS oid,
                        0                   AS depth
                    FROM
                        pg_type t2
                    WHERE
                        t2.oid = t.oid

                    UNION ALL

                    SELECT
                        t2.typbasetype      AS oid,
                        tb.depth + 1        AS depth
                    FROM
                        pg_type t2,
                        typebases tb
                    WHERE
                       tb.oid = t2.oid
                       AND t2.typbasetype != 0
               ) SELECT oid FROM typebases ORDER BY depth DESC LIMIT 1)

               ELSE NULL
            END)                            AS basetype,
            t.typelem                       AS elemtype,
            elem_t.typdelim                 AS elemdelim,
            COALESCE(
                range_t.rngsubtype,
                multirange_t.rngsubtype)    AS range_subtype,
            (CASE WHEN t.typtype = 'c' THEN
                (SELECT
                    array_agg(ia.atttypid ORDER BY ia.attnum)
                FROM
                    pg_attribute ia
                    INNER JOIN pg_class c
                        ON (ia.attrelid = c.oid)
                WHERE
                    ia.attnum > 0 AND NOT ia.attisdropped
                    AND c.reltype = t.oid)

                ELSE NULL
            END)                            AS attrtypoids,
            (CASE WHEN t.typtype = 'c' THEN
                (SELECT
                    array_agg(ia.attname::text ORDER BY ia.attnum)
                FROM
                    pg_attribute ia
                    INNER JOIN pg_class c
                        ON (ia.attrelid = c.oid)
                WHERE
                    ia.attnum > 0 AND NOT ia.attisdropped
                    AND c.reltype = t.oid)

                ELSE NULL
            END)                            AS attrnames
        FROM
            pg_catalog.pg_type AS t
            INNER JOIN pg_catalog.pg_namespace ns ON (
                ns.oid = t.typnamespace)
            LEFT JOIN pg_type elem_t ON (
                t.typlen = -1 AND
                t.typelem != 0 AND
                t.typelem = elem_t.oid
            )
            LEFT JOIN pg_range range_t ON (
                t.oid = range_t.rngtypid
            )
            LEFT JOIN pg_range multirange_t ON (
                t.oid = multirange_t.rngmultitypid
            )
    )
 ti,
        typeinfo_tree tt
    WHERE
        (tt.elemtype IS NOT NULL AND ti.oid = tt.elemtype)
        OR (tt.attrtypoids IS NOT NULL AND ti.oid = any(tt.attrtypoids))
        OR (tt.range_subtype IS NOT NULL AND ti.oid = tt.range_subtype)
        OR (tt.basetype IS NOT NULL AND ti.oid = tt.basetype)
)

SELECT DISTINCT
    *,
    basetype::regtype::text AS basetype_name,
    elemtype::regtype::text AS elemtype_name,
    range_subtype::regtype::text AS range_subtype_name
FROM
    typeinfo_tree
ORDER BY
    depth DESC;

prepare s29 as
SELECT
    set_config('jit', $1, false);

prepare s30 as
with given as (
    select *
    from unnest(cast($1 as text[]), cast($2 as text[]), cast($3 as text[]),
                cast($4 as text[]), cast($5 as text[]), cast($6 as text[]),
                cast($7 as text[]), cast($8 as text[]), cast($9 as boolean[]))
         with ordinality as given (id, room_id, sender_id, type, content, metadata, client_id, reply_to,
                                   has_files, place)
), judged as (
    select g.*, r.last_seq, old.id as old_id,
           case when r.id is null then 'no_room'
                when m.id is null then case when old.room_id = g.room_id then 'gone' else 'not_a_member' end
                when old.room_id = g.room_id then 'repeated'
                when old.id is not null then 'conflict'
                when (r.direct_key is not null and exists (select from user_blocks b where b.blocker_id = g.sender_id and b.blocked_id in (split_part(r.direct_key, ':', 1), split_part(r.direct_key, ':', 2)))) then 'blocking'
                when (r.direct_key is not null and exists (select from user_blocks b where b.blocked_id = g.sender_id and b.blocker_id in (split_part(r.direct_key, ':', 1), split_part(r.direct_key, ':', 2)))) then 'blocked'
                when g.reply_to is not null and not exists (
                    select from messages answered
                    where answered.id = g.reply_to and answered.room_id = g.room_id
                      and answered.deleted_at is null
                ) then 'no_reply_to'
                when not g.has_files then 'no_file'
                else 'created' end as verdict
    from given g
    left join rooms r on r.id = g.room_id
    left join room_members m
           on m.room_id = g.room_id and m.user_id = g.sender_id and m.state = 'member'
    left join lateral (
        select id, room_id from messages
        where sender_id = g.sender_id and client_id = g.client_id
        limit 1
    ) old on true
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
    insert into messages (id, room_id, sender_id, seq, change_seq, type, content, metadata, client_id,
                          reply_to)
    select id, room_id, sender_id, new_seq, new_seq, type, content, cast(metadata as jsonb), client_id,
           reply_to
    from numbered
    returning *
)
select j.verdict, case when j.verdict = 'repeated' then j.old_id end as repeated_id,
       c.id, c.room_id, c.sender_id, c.seq, c.change_seq, c.type, c.content, c.metadata, c.reply_to,
       c.client_id, c.created_at, c.modified_at, c.edited_at, c.deleted_at,
       u.username, u.display_name, u.avatar, r.kind,
       case split_part(r.direct_key, ':', 1)
            when c.sender_id then split_part(r.direct_key, ':', 2)
            else split_part(r.direct_key, ':', 1) end as receiver_id
from judged j
left join created c on c.id = j.id
left join users u on u.id = c.sender_id
left join rooms r on r.id = c.room_id
order by j.place;

prepare s31 as
select id, name, media_type, size, width, height, thumbnail_key, owner_id
from files
where id = any(cast($1 as text[])) and message_id is null and expires_at > now()
order by id
for update;

prepare s32 as
update files f
set message_id = given.message_id, place = given.place, expires_at = null
from unnest(cast($1 as text[]), cast($2 as text[]), cast($3 as integer[]))
     as given (file_id, message_id, place)
where f.id = given.file_id;

prepare s33 as
with named as (
    select distinct on (given.message_id, given.place) given.message_id, u.id as user_id
    from unnest(cast($1 as text[]), cast($2 as integer[]), cast($3 as text[]))
         as given (message_id, place, username)
    join messages m on m.id = given.message_id
    join rooms r on r.id = m.room_id and r.kind <> 'direct'
    join users u on lower(u.username collate "C") = given.username and u.id <> m.sender_id
    join room_members member
      on member.room_id = m.room_id and member.user_id = u.id and member.state = 'member'
    where not exists (select from user_blocks b where b.blocker_id = u.id and b.blocked_id = m.sender_id)
    order by given.message_id, given.place, char_length(given.username) desc
), named_no_longer as (
    delete from mentions old
    where old.message_id = any(cast($4 as text[]))
      and not exists (
          select from named n where n.message_id = old.message_id and n.user_id = old.user_id
      )
)
insert into mentions (message_id, user_id)
select distinct message_id, user_id from named
on conflict do nothing
returning message_id, user_id;

prepare s34 as
select 
id, room_id, sender_id, seq, change_seq, type, content, metadata, reply_to, client_id, created_at, modified_at,
edited_at, deleted_at, username, display_name, avatar, kind, receiver_id, read_at, reactions, mentions, attachments
 from shown_messages where id = any(cast($1 as text[]));

prepare s35 as
select r.id from rooms r
join messages m on m.room_id = r.id
where m.id = $1
for no key update of r;

prepare s36 as
select m.room_id, m.sender_id, m.content, m.change_seq, m.deleted_at, r.kind, member.role,
       exists (select from files f where f.message_id = m.id) as has_files,
       (r.direct_key is not null and exists (select from user_blocks b where b.blocker_id = $1 and b.blocked_id in (split_part(r.direct_key, ':', 1), split_part(r.direct_key, ':', 2)))) as blocking, (r.direct_key is not null and exists (select from user_blocks b where b.blocked_id = $1 and b.blocker_id in (split_part(r.direct_key, ':', 1), split_part(r.direct_key, ':', 2)))) as blocked
from messages m
join rooms r on r.id = m.room_id
left join room_members member
       on member.room_id = m.room_id and member.user_id = $1 and member.state = 'member'
where m.id = $2;

prepare s37 as
update messages
set content = $1, change_seq = $2, edited_at = now(), modified_at = now()
where id = $3;

prepare s38 as
update files set message_id = null, expires_at = now() where message_id = $1;

prepare s39 as
with reactions_gone as (
    delete from reactions where message_id = $1
), mentions_gone as (
    delete from mentions where message_id = $1
)
update messages
set content = '', metadata = null, change_seq = $2, deleted_by = $3,
    deleted_at = now(), modified_at = now()
where id = $1
returning deleted_at;

prepare s40 as
select count(*) as reactions,
    count(distinct kind) as kinds,
    count(*) filter (where kind = $1) as of_kind,
    count(*) filter (where user_id = $2) as of_user,
    count(*) filter (where kind = $1 and user_id = $2) > 0 as mine
from reactions
where message_id = $3;

prepare s41 as
insert into reactions (message_id, kind, user_id) values ($1, $2, $3);

prepare s42 as
update messages set change_seq = $1 where id = $2;

prepare s43 as
delete from reactions
where message_id = $1 and kind = $2 and user_id = $3
returning true;

prepare s44 as
update room_members m
set last_read_seq = least(cast($1 as bigint), r.last_seq),
    last_read_at = case when (r.direct_key is not null and exists (select from user_blocks b where b.blocker_id in (split_part(r.direct_key, ':', 1), split_part(r.direct_key, ':', 2)) and b.blocked_id in (split_part(r.direct_key, ':', 1), split_part(r.direct_key, ':', 2)))) then null else now() end
from rooms r
where m.room_id = $2 and m.user_id = $3 and m.state = 'member' and r.id = m.room_id
  and least(cast($1 as bigint), r.last_seq) > m.last_read_seq
returning m.last_read_seq, now() as read_at;

prepare s45 as
select exists (
    select from room_members where room_id = $1 and state = 'member' offset $2
);

prepare s46 as
select m.user_id
        from (select distinct other_id from (
select blocked_id as other_id from user_blocks where blocker_id = $1
union all
select blocker_id from user_blocks where blocked_id = $1
) others) blocks
        join room_members m on m.room_id = $2 and m.user_id = blocks.other_id and m.state = 'member';

prepare s47 as
update room_members
set state = $1, role = 'member', left_at = coalesce(left_at, now()), change_seq = $2,
    changed_by = $3
where room_id = $4 and user_id = $5;

prepare s48 as
update room_members
set role = $1, change_seq = $2, changed_by = $3
where room_id = $4 and user_id = $5;

prepare s49 as
select id, exists (select from messages where room_id = rooms.id) as written
from rooms
where direct_key = $1;

prepare s50 as
insert into rooms (id, kind, direct_key, created_by)
values ($1, 'direct', $2, $3)
on conflict (direct_key) do nothing
returning true;

prepare s51 as
select b.created_at, u.id as user_id, u.username, u.display_name, u.avatar
from user_blocks b
join users u on u.id = b.blocked_id

        where b.blocker_id = $1 and b.blocked_id = $2;

prepare s52 as
select count(*) from user_blocks where blocker_id = $1;

prepare s53 as
insert into user_blocks (blocker_id, blocked_id) values ($1, $2);

prepare s54 as
with mine as materialized (
    select room_id from room_members where user_id = $1 and state = 'member'
)
select distinct user_id
from room_members
where user_id = any(cast($2 as text[])) and state = 'member' and room_id in (select room_id from mine);

prepare s55 as
select b.created_at, u.id as user_id, u.username, u.display_name, u.avatar
from user_blocks b
join users u on u.id = b.blocked_id

        where b.blocker_id = $1 and b.blocked_id > coalesce(cast($2 as text), '')
        order by b.blocked_id
        limit $3;

prepare s56 as
update users
set direct_messages_from = coalesce(cast($1 as text), direct_messages_from),
    invitations_from = coalesce(cast($2 as text), invitations_from)
where id = $3
returning direct_messages_from, invitations_from;

prepare s57 as
update room_members
set muted_until = case when cast($1 as bigint) is null then 'infinity'
                       when cast($1 as bigint) > 0
                       then now() + cast($1 as bigint) * interval '1 second' end
where room_id = $2 and user_id = $3 and state = 'member'
returning muted_until is not null as muted,
          case when isfinite(muted_until) then muted_until end as muted_until;

prepare s58 as
select r.id, r.kind, r.name, r.description, r.created_by, r.change_seq, r.created_at, r.modified_at, r.last_seq,
       r.unread, r.role, r.state, r.joined_at, r.last_read_at, r.last_read_seq,
       coalesce(m.muted_until > now(), false) as muted,
       case when m.muted_until > now() and isfinite(m.muted_until) then m.muted_until end as muted_until
from shown_rooms r
join room_members m on m.room_id = r.id and m.user_id = r.user_id

        where r.user_id = $1 and r.state = 'member' and r.kind <> 'direct'
        order by lower(r.name), r.id;

prepare s59 as
select 
id, room_id, sender_id, seq, change_seq, type, content, metadata, reply_to, client_id, created_at, modified_at,
edited_at, deleted_at, username, display_name, avatar, kind, receiver_id, read_at, reactions, mentions, attachments
, there_are from (
        select *, count(*) over () as there_are,
               coalesce(sum(bytes) over (order by seq desc rows between unbounded preceding and 1 preceding), 0)
                   as bytes_before
        from (select *, 
coalesce(octet_length(cast(to_json(content) as text)), 0) + coalesce(octet_length(cast(metadata as text)), 0)
+ coalesce(octet_length(cast(reactions as text)), 0) + coalesce(octet_length(cast(attachments as text)), 0)
+ coalesce(octet_length(cast(mentions as text)), 0)
 as bytes from (
    select * from shown_messages
    where room_id = $1 and deleted_at is null and seq < coalesce(cast($2 as bigint), 9223372036854775807)
    order by seq desc
    limit $3
    ) page) measured
    ) sized
    where bytes_before < $4
    order by seq desc;

prepare s60 as
select room_id, user_id, role, state, change_seq, joined_at, left_at, last_read_seq, last_read_at,
       username, display_name, avatar
from shown_members

        where room_id = $1 and user_id = any(array(
            select user_id
            from room_members
            where room_id = $1 and state in ('member', 'invited')
              and user_id > coalesce(cast($2 as text), '')
            order by user_id
            limit $3
        ))
        order by user_id;

prepare s61 as
select blocked_id as other_id from user_blocks
where blocker_id = $1 and blocked_id = any(cast($2 as text[]))
union
select blocker_id from user_blocks
where blocked_id = $1 and blocker_id = any(cast($2 as text[]));

prepare s62 as
select r.id, r.kind, r.name, r.description, r.created_by, r.change_seq, r.created_at, r.modified_at, r.last_seq,
       m.state
from rooms r
left join room_members m on m.room_id = r.id and m.user_id = $1
where r.id = $2;

prepare s63 as
select 
id, room_id, sender_id, seq, change_seq, type, content, metadata, reply_to, client_id, created_at, modified_at,
edited_at, deleted_at, username, display_name, avatar, kind, receiver_id, read_at, reactions, mentions, attachments
, there_are from (
        select *, count(*) over () as there_are,
               coalesce(sum(bytes) over (order by change_seq rows between unbounded preceding and 1 preceding), 0)
                   as bytes_before
        from (select *, 
coalesce(octet_length(cast(to_json(content) as text)), 0) + coalesce(octet_length(cast(metadata as text)), 0)
+ coalesce(octet_length(cast(reactions as text)), 0) + coalesce(octet_length(cast(attachments as text)), 0)
+ coalesce(octet_length(cast(mentions as text)), 0)
 as bytes from (
    select * from shown_messages
    where room_id = $1 and change_seq > $2
    order by change_seq
    limit $3
    ) page) measured
    ) sized
    where bytes_before < $4
    order by change_seq;

prepare s64 as
select room_id, user_id, role, state, change_seq, joined_at, left_at, last_read_seq, last_read_at,
       username, display_name, avatar
from shown_members

        where room_id = $1 and change_seq > $2
        order by change_seq
        limit $3;

prepare s65 as
select room_id from room_members where user_id = $1 and state = 'member';

prepare s66 as
with 
terms as (
    select alternative, excluded, begun, place,
           phraseto_tsquery('simple', regexp_replace(text, $1, '', 'gi')) as words
    from unnest(cast($2 as text[]), cast($3 as integer[]), cast($4 as boolean[]),
                cast($5 as boolean[]))
         with ordinality as terms (text, alternative, excluded, begun, place)
), asked as materialized (
    select cast(string_agg(words, ' | ') as tsquery) as words
    from (
        select string_agg(case when excluded then '!' else '' end || '(' || cast(words as text)
                          || case when begun then ':*' else '' end || ')', ' & ' order by place) as words
        from terms
        where numnode(words) > 0
        group by alternative
        having bool_or(not excluded)
    ) alternatives
)

    select 
id, room_id, sender_id, seq, change_seq, type, content, metadata, reply_to, client_id, created_at, modified_at,
edited_at, deleted_at, username, display_name, avatar, kind, receiver_id, read_at, reactions, mentions, attachments
, there_are from (
        select *, count(*) over () as there_are,
               coalesce(sum(bytes) over (order by id desc rows between unbounded preceding and 1 preceding), 0)
                   as bytes_before
        from (select *, 
coalesce(octet_length(cast(to_json(content) as text)), 0) + coalesce(octet_length(cast(metadata as text)), 0)
+ coalesce(octet_length(cast(reactions as text)), 0) + coalesce(octet_length(cast(attachments as text)), 0)
+ coalesce(octet_length(cast(mentions as text)), 0)
 as bytes from (
    select * from shown_messages
    where room_id = any(cast($6 as text[])) and deleted_at is null
      and to_tsvector('simple', content) @@ (select words from asked)
      and id < coalesce(cast($7 as text), 'z')
    order by id desc
    limit $8
    ) page) measured
    ) sized
    where bytes_before < $9
    order by id desc;

prepare s67 as
with mine as (
        select r.id as conversation_id, last.id as last_id, coalesce(last.id, r.id) as place,
               coalesce(m.muted_until > now(), false) as muted,
               case when m.muted_until > now() and isfinite(m.muted_until) then m.muted_until end as muted_until,
               m.hidden_at_seq is not null and not exists (
                   select from messages where room_id = r.id and seq > m.hidden_at_seq
               ) as hidden
        from room_members m
        join rooms r on r.id = m.room_id and r.kind = 'direct'
        left join lateral (
            select id from messages
            where room_id = r.id and deleted_at is null
            order by seq desc
            limit 1
        ) last on true
        where m.user_id = $1 and m.state = 'member'
          and (last.id is not null or exists (select from messages where room_id = r.id))
    ), page as (
        select *
        from mine
        where not hidden
          and (cast($2 as text) is null
               or place < (select place from mine where conversation_id = cast($2 as text)))
        order by place desc
        limit $3
    )

    select 
    conversation_id, last_seq, last_read_seq, unread, muted, muted_until,
    other_id, other_username, other_display_name, other_avatar, 
id, room_id, sender_id, seq, change_seq, type, content, metadata, reply_to, client_id, created_at, modified_at,
edited_at, deleted_at, username, display_name, avatar, kind, receiver_id, read_at, reactions, mentions, attachments

    , there_are from (
        select *, count(*) over () as there_are,
               coalesce(sum(bytes) over (order by place desc rows between unbounded preceding and 1 preceding), 0)
                   as bytes_before
        from (select *, 
coalesce(octet_length(cast(to_json(content) as text)), 0) + coalesce(octet_length(cast(metadata as text)), 0)
+ coalesce(octet_length(cast(reactions as text)), 0) + coalesce(octet_length(cast(attachments as text)), 0)
+ coalesce(octet_length(cast(mentions as text)), 0)
 as bytes from (
    select page.conversation_id, page.place, r.last_seq, r.last_read_seq, r.unread, page.muted, page.muted_until,
           other.id as other_id, other.username as other_username, other.display_name as other_display_name,
           other.avatar as other_avatar,
           s.*
    from page
    join shown_rooms r on r.id = page.conversation_id and r.user_id = $1
    join users other on other.id = case split_part(r.direct_key, ':', 1)
                    when r.user_id then split_part(r.direct_key, ':', 2)
                    else split_part(r.direct_key, ':', 1) end
    left join shown_messages s on s.id = page.last_id
    ) page) measured
    ) sized
    where bytes_before < $4
    order by place desc;

prepare s68 as
select f.id, f.name, f.media_type, f.size, f.width, f.height, f.thumbnail_key, f.storage_key,
       case when f.message_id is null then f.owner_id = $1
            else exists (
                select
                from messages m
                join room_members member on member.room_id = m.room_id
                where m.id = f.message_id and member.user_id = $1 and member.state = 'member'
            ) end as may_read
from files f
where f.id = $2 and (f.expires_at is null or f.expires_at > now());

prepare s69 as
with given as (select lower(cast($1 as text) collate "C") as prefix)
select id, username, display_name, avatar
from users
where lower(username collate "C") ~>=~ (select prefix from given)
  and lower(username collate "C") ~<~ (select prefix || chr(1114111) from given)
order by lower(username collate "C") using ~<~
limit $2;

prepare s70 as
select r.id, r.kind, r.name, r.description, r.created_by, r.change_seq, r.created_at, r.modified_at, r.last_seq,
       r.unread, r.role, r.state, r.joined_at, r.last_read_at, r.last_read_seq,
       coalesce(m.muted_until > now(), false) as muted,
       case when m.muted_until > now() and isfinite(m.muted_until) then m.muted_until end as muted_until
from shown_rooms r
join room_members m on m.room_id = r.id and m.user_id = r.user_id

        where r.user_id = $1 and r.state = 'invited' and r.id < coalesce(cast($2 as text), 'z')
          and not exists (
              select from user_blocks b where b.blocker_id = m.user_id and b.blocked_id = m.changed_by
          )
        order by r.id desc
        limit $3;

prepare s71 as
insert into revoked_tokens (jti, user_id, expires_at)
values ($1, $2, to_timestamp($3))
on conflict do nothing;

execute s1('01a2266b-c052-7622-9b7c-7f59eb3dc9f9', 'ada', 'Ada', '$argon2id$v=19$m=19456,t=2,p=1$xVWdQ1RXuUwAyOvVC9AtmQ$1ELTLWxdbWpdFSQzksIDjEvx0UxPFFJUmFQs0jzDszc');
execute s2('5ba0ced20b2cdf91792159fc6f32ed27', '01a2266b-c052-7622-9b7c-7f59eb3dc9f9');
execute s3('01a2266b-c052-7622-9b7c-7f59eb3dc9f9');
execute s4('{01a2266b-c052-7622-9b7c-7f59eb3dc9f9}');
execute s1('01a2266b-c0b4-76fa-abe2-d267f067521c', 'bob', 'Bob', '$argon2id$v=19$m=19456,t=2,p=1$h/fW4QeCup1KaImfmLbdFQ$mtURbWoidVJrAhTYwmjZA74I+1d8rWcjXuWcVXPx37Y');
execute s2('05e907ac0300f1c9dbf1343d81a70b7f', '01a2266b-c0b4-76fa-abe2-d267f067521c');
execute s3('01a2266b-c0b4-76fa-abe2-d267f067521c');
execute s4('{01a2266b-c0b4-76fa-abe2-d267f067521c}');
execute s1('01a2266b-c123-77bb-a2c0-0bd23871e919', 'cyd', 'Cyd', '$argon2id$v=19$m=19456,t=2,p=1$7QFNnRdUCKd4OfVb8OYKFA$cpZSkbRY4zVPH95wZ0UnYrV8gH5wKx7HtORI4np0mgs');
execute s2('ba9b33cf7b326350b1bd05ebd1692461', '01a2266b-c123-77bb-a2c0-0bd23871e919');
execute s3('01a2266b-c123-77bb-a2c0-0bd23871e919');
execute s4('{01a2266b-c123-77bb-a2c0-0bd23871e919}');
execute s5('ada');
execute s6('5ba0ced20b2cdf91792159fc6f32ed27');
execute s2('5ba0ced20b2cdf91792159fc6f32ed27', '01a2266b-c052-7622-9b7c-7f59eb3dc9f9');
execute s7('01a2266b-c052-7622-9b7c-7f59eb3dc9f9', '0', '01a2266b-c197-7555-9479-f1b8b30613c8');
begin;
execute s8('01a2266b-c1d4-76c5-82d0-a18707bf59fe', 'public', 'The old room', 'from before', '01a2266b-c052-7622-9b7c-7f59eb3dc9f9');
execute s9('01a2266b-c052-7622-9b7c-7f59eb3dc9f9');
execute s10('01a2266b-c052-7622-9b7c-7f59eb3dc9f9', 'member');
execute s11('01a2266b-c1d4-76c5-82d0-a18707bf59fe');
execute s12('01a2266b-c1d7-74c8-aee4-4bac6022e7ad', '01a2266b-c1d4-76c5-82d0-a18707bf59fe', '01a2266b-c052-7622-9b7c-7f59eb3dc9f9', 'admin', 'member', NULL, '1');
execute s13('01a2266b-c1d4-76c5-82d0-a18707bf59fe', '01a2266b-c052-7622-9b7c-7f59eb3dc9f9');
execute s14('01a2266b-c1d4-76c5-82d0-a18707bf59fe', '01a2266b-c052-7622-9b7c-7f59eb3dc9f9', 'member');
commit;
execute s15('01a2266b-c1d4-76c5-82d0-a18707bf59fe', '01a2266b-c052-7622-9b7c-7f59eb3dc9f9');
execute s7('01a2266b-c0b4-76fa-abe2-d267f067521c', '0', '01a2266b-c0bc-74fa-9701-e758e3793655');
begin;
execute s16('01a2266b-c1d4-76c5-82d0-a18707bf59fe');
execute s15('01a2266b-c1d4-76c5-82d0-a18707bf59fe', '01a2266b-c0b4-76fa-abe2-d267f067521c');
execute s17('01a2266b-c1d4-76c5-82d0-a18707bf59fe', '01a2266b-c0b4-76fa-abe2-d267f067521c');
execute s9('01a2266b-c0b4-76fa-abe2-d267f067521c');
execute s10('01a2266b-c0b4-76fa-abe2-d267f067521c', 'member');
execute s11('01a2266b-c1d4-76c5-82d0-a18707bf59fe');
execute s12('01a2266b-c226-711f-9a87-1553866c3f59', '01a2266b-c1d4-76c5-82d0-a18707bf59fe', '01a2266b-c0b4-76fa-abe2-d267f067521c', 'member', 'member', NULL, '2');
execute s13('01a2266b-c1d4-76c5-82d0-a18707bf59fe', '01a2266b-c0b4-76fa-abe2-d267f067521c');
execute s14('01a2266b-c1d4-76c5-82d0-a18707bf59fe', '01a2266b-c0b4-76fa-abe2-d267f067521c', 'member');
commit;
execute s15('01a2266b-c1d4-76c5-82d0-a18707bf59fe', '01a2266b-c0b4-76fa-abe2-d267f067521c');
execute s7('01a2266b-c123-77bb-a2c0-0bd23871e919', '0', '01a2266b-c126-745b-a5c3-c808d0239335');
begin;
execute s16('01a2266b-c1d4-76c5-82d0-a18707bf59fe');
execute s15('01a2266b-c1d4-76c5-82d0-a18707bf59fe', '01a2266b-c123-77bb-a2c0-0bd23871e919');
execute s17('01a2266b-c1d4-76c5-82d0-a18707bf59fe', '01a2266b-c123-77bb-a2c0-0bd23871e919');
execute s9('01a2266b-c123-77bb-a2c0-0bd23871e919');
execute s10('01a2266b-c123-77bb-a2c0-0bd23871e919', 'member');
execute s11('01a2266b-c1d4-76c5-82d0-a18707bf59fe');
execute s12('01a2266b-c261-7598-95b4-fe80425530e3', '01a2266b-c1d4-76c5-82d0-a18707bf59fe', '01a2266b-c123-77bb-a2c0-0bd23871e919', 'member', 'member', NULL, '3');
execute s13('01a2266b-c1d4-76c5-82d0-a18707bf59fe', '01a2266b-c123-77bb-a2c0-0bd23871e919');
execute s14('01a2266b-c1d4-76c5-82d0-a18707bf59fe', '01a2266b-c123-77bb-a2c0-0bd23871e919', 'member');
commit;
execute s15('01a2266b-c1d4-76c5-82d0-a18707bf59fe', '01a2266b-c123-77bb-a2c0-0bd23871e919');
begin;
execute s8('01a2266b-c2a1-7402-bc26-0708ccd2a390', 'public', 'Private', NULL, '01a2266b-c0b4-76fa-abe2-d267f067521c');
execute s9('01a2266b-c0b4-76fa-abe2-d267f067521c');
execute s10('01a2266b-c0b4-76fa-abe2-d267f067521c', 'member');
execute s11('01a2266b-c2a1-7402-bc26-0708ccd2a390');
execute s12('01a2266b-c2a2-721f-a33f-e46ae2928a78', '01a2266b-c2a1-7402-bc26-0708ccd2a390', '01a2266b-c0b4-76fa-abe2-d267f067521c', 'admin', 'member', NULL, '1');
execute s13('01a2266b-c2a1-7402-bc26-0708ccd2a390', '01a2266b-c0b4-76fa-abe2-d267f067521c');
execute s14('01a2266b-c2a1-7402-bc26-0708ccd2a390', '01a2266b-c0b4-76fa-abe2-d267f067521c', 'member');
commit;
execute s15('01a2266b-c2a1-7402-bc26-0708ccd2a390', '01a2266b-c0b4-76fa-abe2-d267f067521c');
begin;
execute s16('01a2266b-c2a1-7402-bc26-0708ccd2a390');
execute s15('01a2266b-c2a1-7402-bc26-0708ccd2a390', '01a2266b-c0b4-76fa-abe2-d267f067521c');
execute s18('01a2266b-c123-77bb-a2c0-0bd23871e919');
execute s15('01a2266b-c2a1-7402-bc26-0708ccd2a390', '01a2266b-c123-77bb-a2c0-0bd23871e919');
execute s19('{01a2266b-c0b4-76fa-abe2-d267f067521c,01a2266b-c123-77bb-a2c0-0bd23871e919}');
execute s20('01a2266b-c0b4-76fa-abe2-d267f067521c', '01a2266b-c123-77bb-a2c0-0bd23871e919');
execute s21('01a2266b-c2a1-7402-bc26-0708ccd2a390', '01a2266b-c123-77bb-a2c0-0bd23871e919', '01a2266b-c0b4-76fa-abe2-d267f067521c', '24');
execute s22('01a2266b-c123-77bb-a2c0-0bd23871e919', '01a2266b-c0b4-76fa-abe2-d267f067521c');
execute s11('01a2266b-c2a1-7402-bc26-0708ccd2a390');
execute s12('01a2266b-c2e2-75c3-99d6-7748611776e5', '01a2266b-c2a1-7402-bc26-0708ccd2a390', '01a2266b-c123-77bb-a2c0-0bd23871e919', 'member', 'invited', '01a2266b-c0b4-76fa-abe2-d267f067521c', '2');
execute s13('01a2266b-c2a1-7402-bc26-0708ccd2a390', '01a2266b-c123-77bb-a2c0-0bd23871e919');
commit;
execute s14('01a2266b-c2a1-7402-bc26-0708ccd2a390', '01a2266b-c123-77bb-a2c0-0bd23871e919', 'invited');
execute s23('01a2266b-c052-7622-9b7c-7f59eb3dc9f9', NULL, '51');
execute s24('01a2266b-c052-7622-9b7c-7f59eb3dc9f9');
begin;
execute s9('01a2266b-c052-7622-9b7c-7f59eb3dc9f9');
execute s24('01a2266b-c052-7622-9b7c-7f59eb3dc9f9');
execute s25('01a2266b-c36f-7657-b775-db61a8de5a5b', '01a2266b-c052-7622-9b7c-7f59eb3dc9f9', 'old.txt', 'text/plain', '17', NULL, NULL, '5b/01a2266b-c36f-7657-b775-db61a8de5a5b', NULL);
commit;
begin;
execute s26('{01a2266b-c1d4-76c5-82d0-a18707bf59fe}');
execute s27;
execute s28('{1000}');
execute s29('on');
execute s30('{01a2266b-c3b2-7209-8a1b-f05b76645a9b}', '{01a2266b-c1d4-76c5-82d0-a18707bf59fe}', '{01a2266b-c052-7622-9b7c-7f59eb3dc9f9}', '{text}', '{"message 0"}', '{NULL}', '{old-0}', '{NULL}', '{t}');
commit;
begin;
execute s26('{01a2266b-c1d4-76c5-82d0-a18707bf59fe}');
execute s30('{01a2266b-c3ed-76f8-b35d-d53429704cd8}', '{01a2266b-c1d4-76c5-82d0-a18707bf59fe}', '{01a2266b-c052-7622-9b7c-7f59eb3dc9f9}', '{text}', '{"message 1"}', '{NULL}', '{old-1}', '{NULL}', '{t}');
commit;
begin;
execute s26('{01a2266b-c1d4-76c5-82d0-a18707bf59fe}');
execute s30('{01a2266b-c41e-7536-802f-7a09a7c8a635}', '{01a2266b-c1d4-76c5-82d0-a18707bf59fe}', '{01a2266b-c052-7622-9b7c-7f59eb3dc9f9}', '{text}', '{"message 2"}', '{NULL}', '{old-2}', '{NULL}', '{t}');
commit;
begin;
execute s26('{01a2266b-c1d4-76c5-82d0-a18707bf59fe}');
execute s30('{01a2266b-c43e-73ac-be2b-e5b939db58be}', '{01a2266b-c1d4-76c5-82d0-a18707bf59fe}', '{01a2266b-c052-7622-9b7c-7f59eb3dc9f9}', '{text}', '{"message 3"}', '{NULL}', '{old-3}', '{NULL}', '{t}');
commit;
begin;
execute s26('{01a2266b-c1d4-76c5-82d0-a18707bf59fe}');
execute s30('{01a2266b-c45e-7496-8094-54e74d931740}', '{01a2266b-c1d4-76c5-82d0-a18707bf59fe}', '{01a2266b-c052-7622-9b7c-7f59eb3dc9f9}', '{text}', '{"message 4"}', '{NULL}', '{old-4}', '{NULL}', '{t}');
commit;
begin;
execute s26('{01a2266b-c1d4-76c5-82d0-a18707bf59fe}');
execute s31('{01a2266b-c36f-7657-b775-db61a8de5a5b}');
execute s30('{01a2266b-c47e-72b0-b206-2420290d058e}', '{01a2266b-c1d4-76c5-82d0-a18707bf59fe}', '{01a2266b-c052-7622-9b7c-7f59eb3dc9f9}', '{text}', '{"with a file for @bob"}', '{"{\"from\":\"before\"}"}', '{NULL}', '{NULL}', '{t}');
execute s27;
execute s28('{1007}');
execute s29('on');
execute s32('{01a2266b-c36f-7657-b775-db61a8de5a5b}', '{01a2266b-c47e-72b0-b206-2420290d058e}', '{0}');
execute s33('{01a2266b-c47e-72b0-b206-2420290d058e}', '{0}', '{bob}', '{01a2266b-c47e-72b0-b206-2420290d058e}');
commit;
begin;
execute s26('{01a2266b-c1d4-76c5-82d0-a18707bf59fe}');
execute s30('{01a2266b-c4a8-7266-9c3c-0c4a6a4e301b}', '{01a2266b-c1d4-76c5-82d0-a18707bf59fe}', '{01a2266b-c0b4-76fa-abe2-d267f067521c}', '{text}', '{"an answer"}', '{NULL}', '{NULL}', '{01a2266b-c3b2-7209-8a1b-f05b76645a9b}', '{t}');
commit;
begin;
execute s26('{01a2266b-c1d4-76c5-82d0-a18707bf59fe}');
execute s30('{01a2266b-c4c8-7728-9d54-afdb469104c1}', '{01a2266b-c1d4-76c5-82d0-a18707bf59fe}', '{01a2266b-c052-7622-9b7c-7f59eb3dc9f9}', '{text}', '{"message 1"}', '{NULL}', '{old-1}', '{NULL}', '{t}');
execute s34('{01a2266b-c3ed-76f8-b35d-d53429704cd8}');
commit;
begin;
execute s35('01a2266b-c3ed-76f8-b35d-d53429704cd8');
execute s36('01a2266b-c052-7622-9b7c-7f59eb3dc9f9', '01a2266b-c3ed-76f8-b35d-d53429704cd8');
execute s11('01a2266b-c1d4-76c5-82d0-a18707bf59fe');
execute s37('message 1, edited', '11', '01a2266b-c3ed-76f8-b35d-d53429704cd8');
execute s33('{}', '{}', '{}', '{01a2266b-c3ed-76f8-b35d-d53429704cd8}');
execute s34('{01a2266b-c3ed-76f8-b35d-d53429704cd8}');
commit;
begin;
execute s35('01a2266b-c41e-7536-802f-7a09a7c8a635');
execute s36('01a2266b-c052-7622-9b7c-7f59eb3dc9f9', '01a2266b-c41e-7536-802f-7a09a7c8a635');
execute s11('01a2266b-c1d4-76c5-82d0-a18707bf59fe');
execute s38('01a2266b-c41e-7536-802f-7a09a7c8a635');
execute s39('01a2266b-c41e-7536-802f-7a09a7c8a635', '12', '01a2266b-c052-7622-9b7c-7f59eb3dc9f9');
commit;
begin;
execute s35('01a2266b-c43e-73ac-be2b-e5b939db58be');
execute s36('01a2266b-c0b4-76fa-abe2-d267f067521c', '01a2266b-c43e-73ac-be2b-e5b939db58be');
execute s40('+1', '01a2266b-c0b4-76fa-abe2-d267f067521c', '01a2266b-c43e-73ac-be2b-e5b939db58be');
execute s41('01a2266b-c43e-73ac-be2b-e5b939db58be', '+1', '01a2266b-c0b4-76fa-abe2-d267f067521c');
execute s11('01a2266b-c1d4-76c5-82d0-a18707bf59fe');
execute s42('13', '01a2266b-c43e-73ac-be2b-e5b939db58be');
execute s34('{01a2266b-c43e-73ac-be2b-e5b939db58be}');
commit;
begin;
execute s35('01a2266b-c43e-73ac-be2b-e5b939db58be');
execute s36('01a2266b-c123-77bb-a2c0-0bd23871e919', '01a2266b-c43e-73ac-be2b-e5b939db58be');
execute s40('heart', '01a2266b-c123-77bb-a2c0-0bd23871e919', '01a2266b-c43e-73ac-be2b-e5b939db58be');
execute s41('01a2266b-c43e-73ac-be2b-e5b939db58be', 'heart', '01a2266b-c123-77bb-a2c0-0bd23871e919');
execute s11('01a2266b-c1d4-76c5-82d0-a18707bf59fe');
execute s42('14', '01a2266b-c43e-73ac-be2b-e5b939db58be');
execute s34('{01a2266b-c43e-73ac-be2b-e5b939db58be}');
commit;
begin;
execute s35('01a2266b-c43e-73ac-be2b-e5b939db58be');
execute s36('01a2266b-c123-77bb-a2c0-0bd23871e919', '01a2266b-c43e-73ac-be2b-e5b939db58be');
execute s43('01a2266b-c43e-73ac-be2b-e5b939db58be', 'heart', '01a2266b-c123-77bb-a2c0-0bd23871e919');
execute s11('01a2266b-c1d4-76c5-82d0-a18707bf59fe');
execute s42('15', '01a2266b-c43e-73ac-be2b-e5b939db58be');
execute s34('{01a2266b-c43e-73ac-be2b-e5b939db58be}');
commit;
execute s44('7', '01a2266b-c1d4-76c5-82d0-a18707bf59fe', '01a2266b-c0b4-76fa-abe2-d267f067521c');
execute s45('01a2266b-c1d4-76c5-82d0-a18707bf59fe', '500');
execute s46('01a2266b-c0b4-76fa-abe2-d267f067521c', '01a2266b-c1d4-76c5-82d0-a18707bf59fe');
begin;
execute s16('01a2266b-c1d4-76c5-82d0-a18707bf59fe');
execute s15('01a2266b-c1d4-76c5-82d0-a18707bf59fe', '01a2266b-c123-77bb-a2c0-0bd23871e919');
execute s11('01a2266b-c1d4-76c5-82d0-a18707bf59fe');
execute s47('left', '16', NULL, '01a2266b-c1d4-76c5-82d0-a18707bf59fe', '01a2266b-c123-77bb-a2c0-0bd23871e919');
execute s13('01a2266b-c1d4-76c5-82d0-a18707bf59fe', '01a2266b-c123-77bb-a2c0-0bd23871e919');
commit;
begin;
execute s16('01a2266b-c1d4-76c5-82d0-a18707bf59fe');
execute s15('01a2266b-c1d4-76c5-82d0-a18707bf59fe', '01a2266b-c052-7622-9b7c-7f59eb3dc9f9');
execute s15('01a2266b-c1d4-76c5-82d0-a18707bf59fe', '01a2266b-c0b4-76fa-abe2-d267f067521c');
execute s11('01a2266b-c1d4-76c5-82d0-a18707bf59fe');
execute s48('admin', '17', '01a2266b-c052-7622-9b7c-7f59eb3dc9f9', '01a2266b-c1d4-76c5-82d0-a18707bf59fe', '01a2266b-c0b4-76fa-abe2-d267f067521c');
execute s13('01a2266b-c1d4-76c5-82d0-a18707bf59fe', '01a2266b-c0b4-76fa-abe2-d267f067521c');
commit;
execute s49('01a2266b-c052-7622-9b7c-7f59eb3dc9f9:01a2266b-c0b4-76fa-abe2-d267f067521c');
execute s18('01a2266b-c0b4-76fa-abe2-d267f067521c');
begin;
execute s9('01a2266b-c0b4-76fa-abe2-d267f067521c');
execute s20('01a2266b-c052-7622-9b7c-7f59eb3dc9f9', '01a2266b-c0b4-76fa-abe2-d267f067521c');
execute s50('01a2266b-c603-767e-87c1-22b78098d44b', '01a2266b-c052-7622-9b7c-7f59eb3dc9f9:01a2266b-c0b4-76fa-abe2-d267f067521c', '01a2266b-c052-7622-9b7c-7f59eb3dc9f9');
execute s11('01a2266b-c603-767e-87c1-22b78098d44b');
execute s12('01a2266b-c605-720b-be2b-19b5aa2efa64', '01a2266b-c603-767e-87c1-22b78098d44b', '01a2266b-c052-7622-9b7c-7f59eb3dc9f9', 'member', 'member', NULL, '1');
execute s11('01a2266b-c603-767e-87c1-22b78098d44b');
execute s12('01a2266b-c605-720b-be2b-19b67afdc5dc', '01a2266b-c603-767e-87c1-22b78098d44b', '01a2266b-c0b4-76fa-abe2-d267f067521c', 'member', 'member', NULL, '2');
execute s49('01a2266b-c052-7622-9b7c-7f59eb3dc9f9:01a2266b-c0b4-76fa-abe2-d267f067521c');
commit;
execute s15('01a2266b-c603-767e-87c1-22b78098d44b', '01a2266b-c052-7622-9b7c-7f59eb3dc9f9');
execute s14('01a2266b-c603-767e-87c1-22b78098d44b', '01a2266b-c052-7622-9b7c-7f59eb3dc9f9', 'member');
execute s15('01a2266b-c603-767e-87c1-22b78098d44b', '01a2266b-c0b4-76fa-abe2-d267f067521c');
execute s14('01a2266b-c603-767e-87c1-22b78098d44b', '01a2266b-c0b4-76fa-abe2-d267f067521c', 'member');
begin;
execute s26('{01a2266b-c603-767e-87c1-22b78098d44b}');
execute s30('{01a2266b-c60a-7793-a993-5d2b710e5aa4}', '{01a2266b-c603-767e-87c1-22b78098d44b}', '{01a2266b-c052-7622-9b7c-7f59eb3dc9f9}', '{text}', '{"between us"}', '{NULL}', '{NULL}', '{NULL}', '{t}');
commit;
execute s44('3', '01a2266b-c603-767e-87c1-22b78098d44b', '01a2266b-c0b4-76fa-abe2-d267f067521c');
execute s45('01a2266b-c603-767e-87c1-22b78098d44b', '500');
execute s46('01a2266b-c0b4-76fa-abe2-d267f067521c', '01a2266b-c603-767e-87c1-22b78098d44b');
begin;
execute s9('01a2266b-c0b4-76fa-abe2-d267f067521c');
execute s51('01a2266b-c0b4-76fa-abe2-d267f067521c', '01a2266b-c123-77bb-a2c0-0bd23871e919');
execute s18('01a2266b-c123-77bb-a2c0-0bd23871e919');
execute s52('01a2266b-c0b4-76fa-abe2-d267f067521c');
execute s49('01a2266b-c0b4-76fa-abe2-d267f067521c:01a2266b-c123-77bb-a2c0-0bd23871e919');
execute s53('01a2266b-c0b4-76fa-abe2-d267f067521c', '01a2266b-c123-77bb-a2c0-0bd23871e919');
execute s51('01a2266b-c0b4-76fa-abe2-d267f067521c', '01a2266b-c123-77bb-a2c0-0bd23871e919');
commit;
execute s54('01a2266b-c0b4-76fa-abe2-d267f067521c', '{01a2266b-c123-77bb-a2c0-0bd23871e919}');
execute s55('01a2266b-c0b4-76fa-abe2-d267f067521c', NULL, '101');
execute s56(NULL, 'nobody', '01a2266b-c0b4-76fa-abe2-d267f067521c');
execute s57(NULL, '01a2266b-c1d4-76c5-82d0-a18707bf59fe', '01a2266b-c0b4-76fa-abe2-d267f067521c');
execute s58('01a2266b-c052-7622-9b7c-7f59eb3dc9f9');
execute s14('01a2266b-c1d4-76c5-82d0-a18707bf59fe', '01a2266b-c052-7622-9b7c-7f59eb3dc9f9', 'member');
execute s59('01a2266b-c1d4-76c5-82d0-a18707bf59fe', NULL, '50', '500000');
execute s60('01a2266b-c1d4-76c5-82d0-a18707bf59fe', NULL, '101');
execute s61('01a2266b-c052-7622-9b7c-7f59eb3dc9f9', '{01a2266b-c052-7622-9b7c-7f59eb3dc9f9,01a2266b-c0b4-76fa-abe2-d267f067521c}');
execute s4('{01a2266b-c052-7622-9b7c-7f59eb3dc9f9,01a2266b-c0b4-76fa-abe2-d267f067521c}');
begin;
execute s62('01a2266b-c052-7622-9b7c-7f59eb3dc9f9', '01a2266b-c1d4-76c5-82d0-a18707bf59fe');
execute s63('01a2266b-c1d4-76c5-82d0-a18707bf59fe', '0', '101', '500000');
execute s64('01a2266b-c1d4-76c5-82d0-a18707bf59fe', '0', '101');
execute s61('01a2266b-c052-7622-9b7c-7f59eb3dc9f9', '{01a2266b-c052-7622-9b7c-7f59eb3dc9f9,01a2266b-c123-77bb-a2c0-0bd23871e919,01a2266b-c0b4-76fa-abe2-d267f067521c}');
commit;
execute s65('01a2266b-c052-7622-9b7c-7f59eb3dc9f9');
execute s66('\m[a-z][a-z0-9+.-]*://', '{message}', '{0}', '{f}', '{t}', '{01a2266b-c1d4-76c5-82d0-a18707bf59fe,01a2266b-c603-767e-87c1-22b78098d44b}', NULL, '50', '500000');
execute s67('01a2266b-c052-7622-9b7c-7f59eb3dc9f9', NULL, '51', '500000');
execute s61('01a2266b-c052-7622-9b7c-7f59eb3dc9f9', '{01a2266b-c0b4-76fa-abe2-d267f067521c}');
execute s68('01a2266b-c052-7622-9b7c-7f59eb3dc9f9', '01a2266b-c36f-7657-b775-db61a8de5a5b');
execute s69('a', '20');
execute s70('01a2266b-c052-7622-9b7c-7f59eb3dc9f9', NULL, '100');
execute s58('01a2266b-c0b4-76fa-abe2-d267f067521c');
execute s14('01a2266b-c1d4-76c5-82d0-a18707bf59fe', '01a2266b-c0b4-76fa-abe2-d267f067521c', 'member');
execute s61('01a2266b-c0b4-76fa-abe2-d267f067521c', '{01a2266b-c052-7622-9b7c-7f59eb3dc9f9,01a2266b-c0b4-76fa-abe2-d267f067521c}');
begin;
execute s62('01a2266b-c0b4-76fa-abe2-d267f067521c', '01a2266b-c1d4-76c5-82d0-a18707bf59fe');
execute s63('01a2266b-c1d4-76c5-82d0-a18707bf59fe', '0', '101', '500000');
execute s64('01a2266b-c1d4-76c5-82d0-a18707bf59fe', '0', '101');
execute s61('01a2266b-c0b4-76fa-abe2-d267f067521c', '{01a2266b-c052-7622-9b7c-7f59eb3dc9f9,01a2266b-c123-77bb-a2c0-0bd23871e919,01a2266b-c0b4-76fa-abe2-d267f067521c}');
commit;
execute s65('01a2266b-c0b4-76fa-abe2-d267f067521c');
execute s66('\m[a-z][a-z0-9+.-]*://', '{message}', '{0}', '{f}', '{t}', '{01a2266b-c1d4-76c5-82d0-a18707bf59fe,01a2266b-c2a1-7402-bc26-0708ccd2a390,01a2266b-c603-767e-87c1-22b78098d44b}', NULL, '50', '500000');
execute s67('01a2266b-c0b4-76fa-abe2-d267f067521c', NULL, '51', '500000');
execute s61('01a2266b-c0b4-76fa-abe2-d267f067521c', '{01a2266b-c052-7622-9b7c-7f59eb3dc9f9}');
execute s68('01a2266b-c0b4-76fa-abe2-d267f067521c', '01a2266b-c36f-7657-b775-db61a8de5a5b');
execute s69('a', '20');
execute s70('01a2266b-c0b4-76fa-abe2-d267f067521c', NULL, '100');
execute s59('01a2266b-c603-767e-87c1-22b78098d44b', NULL, '50', '500000');
execute s71('01a2266b-c126-745b-a5c3-c808d0239335', '01a2266b-c123-77bb-a2c0-0bd23871e919', '1796545725');
begin;
execute s62('01a2266b-c052-7622-9b7c-7f59eb3dc9f9', '01a2266b-c1d4-76c5-82d0-a18707bf59fe');
execute s63('01a2266b-c1d4-76c5-82d0-a18707bf59fe', '0', '101', '500000');
execute s64('01a2266b-c1d4-76c5-82d0-a18707bf59fe', '0', '101');
execute s61('01a2266b-c052-7622-9b7c-7f59eb3dc9f9', '{01a2266b-c052-7622-9b7c-7f59eb3dc9f9,01a2266b-c123-77bb-a2c0-0bd23871e919,01a2266b-c0b4-76fa-abe2-d267f067521c}');
commit;
execute s67('01a2266b-c052-7622-9b7c-7f59eb3dc9f9', NULL, '51', '500000');
execute s66('\m[a-z][a-z0-9+.-]*://', '{message}', '{0}', '{f}', '{t}', '{01a2266b-c1d4-76c5-82d0-a18707bf59fe,01a2266b-c603-767e-87c1-22b78098d44b}', NULL, '50', '500000');
begin;
execute s62('01a2266b-c0b4-76fa-abe2-d267f067521c', '01a2266b-c1d4-76c5-82d0-a18707bf59fe');
execute s63('01a2266b-c1d4-76c5-82d0-a18707bf59fe', '0', '101', '500000');
execute s64('01a2266b-c1d4-76c5-82d0-a18707bf59fe', '0', '101');
execute s61('01a2266b-c0b4-76fa-abe2-d267f067521c', '{01a2266b-c052-7622-9b7c-7f59eb3dc9f9,01a2266b-c123-77bb-a2c0-0bd23871e919,01a2266b-c0b4-76fa-abe2-d267f067521c}');
commit;
execute s67('01a2266b-c0b4-76fa-abe2-d267f067521c', NULL, '51', '500000');
execute s66('\m[a-z][a-z0-9+.-]*://', '{message}', '{0}', '{f}', '{t}', '{01a2266b-c1d4-76c5-82d0-a18707bf59fe,01a2266b-c2a1-7402-bc26-0708ccd2a390,01a2266b-c603-767e-87c1-22b78098d44b}', NULL, '50', '500000');
