-- The statements of an instance of this release while three people used it, each transaction as a whole.

prepare s1 as
insert into users (id, username, display_name, credential)
values ($1, $2, $3, $4)
on conflict do nothing
returning id, username, display_name, avatar, last_seen_at, created_at, modified_at, token_generation;

prepare s2 as
select id, last_seen_at from users where id = any(cast($1 as text[]));

prepare s3 as
select id, username, display_name, avatar, last_seen_at, created_at, modified_at, token_generation, credential
from users
where lower(username collate "C") = lower(cast($1 as text) collate "C");

prepare s4 as
select true
from users
where id = $1 and token_generation = $2
  and not exists (select from revoked_tokens where jti = $3);

prepare s5 as
insert into rooms (id, kind, name, description, created_by)
values ($1, $2, $3, $4, $5);

prepare s6 as
select id from users where id = $1 for no key update;

prepare s7 as
select count(*)
from room_members m
join rooms r on r.id = m.room_id
where m.user_id = $1 and m.state = $2 and m.state in ('member', 'invited') and r.kind <> 'direct';

prepare s8 as
update rooms set last_seq = last_seq + 1 where id = $1 returning last_seq;

prepare s9 as
insert into room_members (id, room_id, user_id, role, state, changed_by, change_seq, last_read_seq)
values ($1, $2, $3, $4, $5, $6, $7, $7)
on conflict (room_id, user_id) do update
set role = excluded.role, state = excluded.state, change_seq = excluded.change_seq, joined_at = now(),
    left_at = null, changed_by = excluded.changed_by, last_read_at = null,
    last_read_seq = excluded.last_read_seq;

prepare s10 as
select * from shown_members where room_id = $1 and user_id = $2;

prepare s11 as
select * from shown_rooms where id = $1 and user_id = $2 and state = $3;

prepare s12 as
select state, role from room_members where room_id = $1 and user_id = $2;

prepare s13 as
select id, kind, name, description from rooms where id = $1 for no key update;

prepare s14 as
select exists (
           select from room_members
           where room_id = $1 and user_id <> $2 and state = 'member'
       ) as members,
       exists (
           select from room_members
           where room_id = $1 and user_id <> $2 and state = 'member' and role = 'admin'
       ) as admins;

prepare s15 as
select id, username, display_name, avatar, last_seen_at, created_at, modified_at
from users
where id = $1;

prepare s16 as
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

prepare s17 as
select count(*) from files where owner_id = $1 and message_id is null and expires_at > now();

prepare s18 as
insert into files (id, owner_id, name, media_type, size, width, height, storage_key, thumbnail_key)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
returning id, name, media_type, size, width, height, storage_key, thumbnail_key;

prepare s19 as
select id from rooms where id = any(cast($1 as text[])) order by id for no key update;

prepare s20 as
SELECT
    current_setting('jit') AS cur,
    set_config('jit', 'off', false) AS new;

prepare s21 as
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

prepare s22 as
SELECT
    set_config('jit', $1, false);

prepare s23 as
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
select j.verdict, coalesce(j.old_id, j.id) as id, c.room_id, c.sender_id, c.seq, c.change_seq, c.type,
       c.content, c.metadata, c.reply_to, c.client_id, c.created_at, c.modified_at, c.edited_at, c.deleted_at,
       u.username, u.display_name, u.avatar, r.kind,
       case when split_part(r.direct_key, ':', 1) = c.sender_id then split_part(r.direct_key, ':', 2)
            else split_part(r.direct_key, ':', 1) end as receiver_id
from judged j
left join created c on c.id = j.id
left join users u on u.id = c.sender_id
left join rooms r on r.id = c.room_id
order by j.place;

prepare s24 as
select id, owner_id, name, media_type, size, width, height, thumbnail_key
from files
where id = any(cast($1 as text[])) and message_id is null and expires_at > now()
order by id
for update;

prepare s25 as
update files f
set message_id = given.message_id, place = given.place, expires_at = null
from unnest(cast($1 as text[]), cast($2 as text[]), cast($3 as integer[]))
     as given (file_id, message_id, place)
where f.id = given.file_id;

prepare s26 as
with named as (
    select distinct on (given.message_id, given.place) given.message_id, u.id as user_id
    from unnest(cast($1 as text[]), cast($2 as integer[]), cast($3 as text[]))
         as given (message_id, place, username)
    join messages m on m.id = given.message_id
    join rooms r on r.id = m.room_id and r.kind <> 'direct'
    join users u on lower(u.username collate "C") = given.username and u.id <> m.sender_id
    join room_members member
      on member.room_id = m.room_id and member.user_id = u.id and member.state = 'member'
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

prepare s27 as
select * from shown_messages where id = any(cast($1 as text[]));

prepare s28 as
select r.id from rooms r
join messages m on m.room_id = r.id
where m.id = $1
for no key update of r;

prepare s29 as
select m.room_id, m.sender_id, m.content, m.change_seq, m.deleted_at, r.kind, member.role,
       exists (select from files f where f.message_id = m.id) as has_files
from messages m
join rooms r on r.id = m.room_id
left join room_members member
       on member.room_id = m.room_id and member.user_id = $1 and member.state = 'member'
where m.id = $2;

prepare s30 as
update messages
set content = $1, change_seq = $2, edited_at = now(), modified_at = now()
where id = $3;

prepare s31 as
update files set message_id = null, expires_at = now() where message_id = $1;

prepare s32 as
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

prepare s33 as
select count(*) as reactions,
    count(distinct kind) as kinds,
    count(*) filter (where kind = $1) as of_kind,
    count(*) filter (where kind = $1 and user_id = $2) > 0 as mine
from reactions
where message_id = $3;

prepare s34 as
insert into reactions (message_id, kind, user_id) values ($1, $2, $3);

prepare s35 as
update messages set change_seq = $1 where id = $2;

prepare s36 as
delete from reactions
where message_id = $1 and kind = $2 and user_id = $3
returning true;

prepare s37 as
update room_members m
set last_read_seq = least(cast($1 as bigint), r.last_seq), last_read_at = now()
from rooms r
where m.room_id = $2 and m.user_id = $3 and m.state = 'member' and r.id = m.room_id
  and least(cast($1 as bigint), r.last_seq) > m.last_read_seq
returning m.last_read_seq, m.last_read_at as read_at;

prepare s38 as
select exists (
    select from room_members where room_id = $1 and state = 'member' offset $2
);

prepare s39 as
update room_members
set state = $1, role = 'member', left_at = coalesce(left_at, now()), change_seq = $2,
    changed_by = $3
where room_id = $4 and user_id = $5;

prepare s40 as
update room_members
set role = $1, change_seq = $2, changed_by = $3
where room_id = $4 and user_id = $5;

prepare s41 as
select id, exists (select from messages where room_id = rooms.id) as written
from rooms
where direct_key = $1;

prepare s42 as
insert into rooms (id, kind, direct_key, created_by)
values ($1, 'direct', $2, $3)
on conflict (direct_key) do nothing
returning true;

prepare s43 as
select * from shown_rooms
where user_id = $1 and state = $2 and kind <> 'direct'
order by lower(name), id;

prepare s44 as
select * from (
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

prepare s45 as
select *
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

prepare s46 as
select r.id, r.kind, r.name, r.description, r.created_by, r.change_seq, r.created_at, r.modified_at, r.last_seq,
       m.state
from rooms r
left join room_members m on m.room_id = r.id and m.user_id = $1
where r.id = $2;

prepare s47 as
select * from (
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

prepare s48 as
select * from shown_members
where room_id = $1 and change_seq > $2
order by change_seq
limit $3;

prepare s49 as
select room_id from room_members where user_id = $1 and state = 'member';

prepare s50 as
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

    select * from (
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

prepare s51 as
with mine as (
        select r.id as conversation_id, last.id as last_id, coalesce(last.id, r.id) as place
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
        where cast($2 as text) is null
           or place < (select place from mine where conversation_id = cast($2 as text))
        order by place desc
        limit $3
    )

    select * from (
        select *, count(*) over () as there_are,
               coalesce(sum(bytes) over (order by place desc rows between unbounded preceding and 1 preceding), 0)
                   as bytes_before
        from (select *, 
coalesce(octet_length(cast(to_json(content) as text)), 0) + coalesce(octet_length(cast(metadata as text)), 0)
+ coalesce(octet_length(cast(reactions as text)), 0) + coalesce(octet_length(cast(attachments as text)), 0)
+ coalesce(octet_length(cast(mentions as text)), 0)
 as bytes from (
    select page.conversation_id, page.place, r.last_seq, r.last_read_seq, r.unread,
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

prepare s52 as
select f.id, f.name, f.media_type, f.size, f.width, f.height, f.storage_key, f.thumbnail_key,
       case when f.message_id is null then f.owner_id = $1
            else exists (
                select
                from messages m
                join room_members member on member.room_id = m.room_id
                where m.id = f.message_id and member.user_id = $1 and member.state = 'member'
            ) end as may_read
from files f
where f.id = $2 and (f.expires_at is null or f.expires_at > now());

prepare s53 as
with given as (select lower(cast($1 as text) collate "C") as prefix)
select id, username, display_name, avatar
from users
where lower(username collate "C") ~>=~ (select prefix from given)
  and lower(username collate "C") ~<~ (select prefix || chr(1114111) from given)
order by lower(username collate "C") using ~<~
limit $2;

prepare s54 as
insert into revoked_tokens (jti, user_id, expires_at)
values ($1, $2, to_timestamp($3))
on conflict do nothing;

execute s1('01a2266b-8030-72da-9108-c817f32e7b8e', 'ada', 'Ada', '$argon2id$v=19$m=19456,t=2,p=1$iUccLH6aUbVSxaaBn8SSnA$8C8iXvSH9erUjiOnDs7YOnEtPAubsI4D4QbaBJc6EuE');
execute s2('{01a2266b-8030-72da-9108-c817f32e7b8e}');
execute s1('01a2266b-808e-7327-a557-28359bae154c', 'bob', 'Bob', '$argon2id$v=19$m=19456,t=2,p=1$+Q6Oo5YvcG1ml+GbZtQymQ$bXWjPd7WFdugA6AJxfnYdYZGmVEZO9QsOtXKbokgpUE');
execute s2('{01a2266b-808e-7327-a557-28359bae154c}');
execute s1('01a2266b-80f4-7660-b79e-0465332c038f', 'cyd', 'Cyd', '$argon2id$v=19$m=19456,t=2,p=1$nehBcnrfpzzBywnw/BmCKA$gRKUH5IbHbd/5GITNsT2NXKKR+gh+SpWjFQPsXHpnTs');
execute s2('{01a2266b-80f4-7660-b79e-0465332c038f}');
execute s3('ada');
execute s4('01a2266b-8030-72da-9108-c817f32e7b8e', '0', '01a2266b-8152-745c-b7f2-4c53ed8cbd39');
begin;
execute s5('01a2266b-818c-7286-be2a-83a5f509f13f', 'public', 'The old room', 'from before', '01a2266b-8030-72da-9108-c817f32e7b8e');
execute s6('01a2266b-8030-72da-9108-c817f32e7b8e');
execute s7('01a2266b-8030-72da-9108-c817f32e7b8e', 'member');
execute s8('01a2266b-818c-7286-be2a-83a5f509f13f');
execute s9('01a2266b-8190-76c5-aa8b-ce11f22afc29', '01a2266b-818c-7286-be2a-83a5f509f13f', '01a2266b-8030-72da-9108-c817f32e7b8e', 'admin', 'member', NULL, '1');
execute s10('01a2266b-818c-7286-be2a-83a5f509f13f', '01a2266b-8030-72da-9108-c817f32e7b8e');
execute s11('01a2266b-818c-7286-be2a-83a5f509f13f', '01a2266b-8030-72da-9108-c817f32e7b8e', 'member');
commit;
execute s12('01a2266b-818c-7286-be2a-83a5f509f13f', '01a2266b-8030-72da-9108-c817f32e7b8e');
execute s4('01a2266b-808e-7327-a557-28359bae154c', '0', '01a2266b-8093-711b-9b53-7f881b307f4d');
begin;
execute s13('01a2266b-818c-7286-be2a-83a5f509f13f');
execute s12('01a2266b-818c-7286-be2a-83a5f509f13f', '01a2266b-808e-7327-a557-28359bae154c');
execute s14('01a2266b-818c-7286-be2a-83a5f509f13f', '01a2266b-808e-7327-a557-28359bae154c');
execute s6('01a2266b-808e-7327-a557-28359bae154c');
execute s7('01a2266b-808e-7327-a557-28359bae154c', 'member');
execute s8('01a2266b-818c-7286-be2a-83a5f509f13f');
execute s9('01a2266b-81e5-733b-b7c1-be542b1c1b3d', '01a2266b-818c-7286-be2a-83a5f509f13f', '01a2266b-808e-7327-a557-28359bae154c', 'member', 'member', NULL, '2');
execute s10('01a2266b-818c-7286-be2a-83a5f509f13f', '01a2266b-808e-7327-a557-28359bae154c');
execute s11('01a2266b-818c-7286-be2a-83a5f509f13f', '01a2266b-808e-7327-a557-28359bae154c', 'member');
commit;
execute s12('01a2266b-818c-7286-be2a-83a5f509f13f', '01a2266b-808e-7327-a557-28359bae154c');
execute s4('01a2266b-80f4-7660-b79e-0465332c038f', '0', '01a2266b-80f6-7390-babf-82bc1073a46d');
begin;
execute s13('01a2266b-818c-7286-be2a-83a5f509f13f');
execute s12('01a2266b-818c-7286-be2a-83a5f509f13f', '01a2266b-80f4-7660-b79e-0465332c038f');
execute s14('01a2266b-818c-7286-be2a-83a5f509f13f', '01a2266b-80f4-7660-b79e-0465332c038f');
execute s6('01a2266b-80f4-7660-b79e-0465332c038f');
execute s7('01a2266b-80f4-7660-b79e-0465332c038f', 'member');
execute s8('01a2266b-818c-7286-be2a-83a5f509f13f');
execute s9('01a2266b-8220-7674-abbc-19f8cd33f2bc', '01a2266b-818c-7286-be2a-83a5f509f13f', '01a2266b-80f4-7660-b79e-0465332c038f', 'member', 'member', NULL, '3');
execute s10('01a2266b-818c-7286-be2a-83a5f509f13f', '01a2266b-80f4-7660-b79e-0465332c038f');
execute s11('01a2266b-818c-7286-be2a-83a5f509f13f', '01a2266b-80f4-7660-b79e-0465332c038f', 'member');
commit;
execute s12('01a2266b-818c-7286-be2a-83a5f509f13f', '01a2266b-80f4-7660-b79e-0465332c038f');
begin;
execute s5('01a2266b-8256-7524-a4ee-017ddb73b542', 'public', 'Private', NULL, '01a2266b-808e-7327-a557-28359bae154c');
execute s6('01a2266b-808e-7327-a557-28359bae154c');
execute s7('01a2266b-808e-7327-a557-28359bae154c', 'member');
execute s8('01a2266b-8256-7524-a4ee-017ddb73b542');
execute s9('01a2266b-8257-739f-b76a-c5d8dfe09602', '01a2266b-8256-7524-a4ee-017ddb73b542', '01a2266b-808e-7327-a557-28359bae154c', 'admin', 'member', NULL, '1');
execute s10('01a2266b-8256-7524-a4ee-017ddb73b542', '01a2266b-808e-7327-a557-28359bae154c');
execute s11('01a2266b-8256-7524-a4ee-017ddb73b542', '01a2266b-808e-7327-a557-28359bae154c', 'member');
commit;
execute s12('01a2266b-8256-7524-a4ee-017ddb73b542', '01a2266b-808e-7327-a557-28359bae154c');
begin;
execute s13('01a2266b-8256-7524-a4ee-017ddb73b542');
execute s12('01a2266b-8256-7524-a4ee-017ddb73b542', '01a2266b-808e-7327-a557-28359bae154c');
execute s15('01a2266b-80f4-7660-b79e-0465332c038f');
execute s12('01a2266b-8256-7524-a4ee-017ddb73b542', '01a2266b-80f4-7660-b79e-0465332c038f');
execute s6('01a2266b-80f4-7660-b79e-0465332c038f');
execute s7('01a2266b-80f4-7660-b79e-0465332c038f', 'invited');
execute s8('01a2266b-8256-7524-a4ee-017ddb73b542');
execute s9('01a2266b-828d-727e-b2e9-f95aa66fb797', '01a2266b-8256-7524-a4ee-017ddb73b542', '01a2266b-80f4-7660-b79e-0465332c038f', 'member', 'invited', '01a2266b-808e-7327-a557-28359bae154c', '2');
execute s10('01a2266b-8256-7524-a4ee-017ddb73b542', '01a2266b-80f4-7660-b79e-0465332c038f');
commit;
execute s11('01a2266b-8256-7524-a4ee-017ddb73b542', '01a2266b-80f4-7660-b79e-0465332c038f', 'invited');
execute s16('01a2266b-8030-72da-9108-c817f32e7b8e', NULL, '51');
execute s17('01a2266b-8030-72da-9108-c817f32e7b8e');
begin;
execute s6('01a2266b-8030-72da-9108-c817f32e7b8e');
execute s17('01a2266b-8030-72da-9108-c817f32e7b8e');
execute s18('01a2266b-830b-77f7-9ac9-80da12964970', '01a2266b-8030-72da-9108-c817f32e7b8e', 'old.txt', 'text/plain', '17', NULL, NULL, '70/01a2266b-830b-77f7-9ac9-80da12964970', NULL);
commit;
begin;
execute s19('{01a2266b-818c-7286-be2a-83a5f509f13f}');
execute s20;
execute s21('{1000}');
execute s22('on');
execute s23('{01a2266b-8346-7476-b632-94bb50914242}', '{01a2266b-818c-7286-be2a-83a5f509f13f}', '{01a2266b-8030-72da-9108-c817f32e7b8e}', '{text}', '{"message 0"}', '{NULL}', '{old-0}', '{NULL}', '{t}');
commit;
begin;
execute s19('{01a2266b-818c-7286-be2a-83a5f509f13f}');
execute s23('{01a2266b-838e-757a-808a-08b32f20cede}', '{01a2266b-818c-7286-be2a-83a5f509f13f}', '{01a2266b-8030-72da-9108-c817f32e7b8e}', '{text}', '{"message 1"}', '{NULL}', '{old-1}', '{NULL}', '{t}');
commit;
begin;
execute s19('{01a2266b-818c-7286-be2a-83a5f509f13f}');
execute s23('{01a2266b-83b4-7770-b6fb-1943a6bbf94f}', '{01a2266b-818c-7286-be2a-83a5f509f13f}', '{01a2266b-8030-72da-9108-c817f32e7b8e}', '{text}', '{"message 2"}', '{NULL}', '{old-2}', '{NULL}', '{t}');
commit;
begin;
execute s19('{01a2266b-818c-7286-be2a-83a5f509f13f}');
execute s23('{01a2266b-83ea-7495-b036-1450f45a0b2d}', '{01a2266b-818c-7286-be2a-83a5f509f13f}', '{01a2266b-8030-72da-9108-c817f32e7b8e}', '{text}', '{"message 3"}', '{NULL}', '{old-3}', '{NULL}', '{t}');
commit;
begin;
execute s19('{01a2266b-818c-7286-be2a-83a5f509f13f}');
execute s23('{01a2266b-8421-7303-976c-3f586e5df066}', '{01a2266b-818c-7286-be2a-83a5f509f13f}', '{01a2266b-8030-72da-9108-c817f32e7b8e}', '{text}', '{"message 4"}', '{NULL}', '{old-4}', '{NULL}', '{t}');
commit;
begin;
execute s19('{01a2266b-818c-7286-be2a-83a5f509f13f}');
execute s24('{01a2266b-830b-77f7-9ac9-80da12964970}');
execute s23('{01a2266b-8457-7137-9d2b-f80d1917db57}', '{01a2266b-818c-7286-be2a-83a5f509f13f}', '{01a2266b-8030-72da-9108-c817f32e7b8e}', '{text}', '{"with a file for @bob"}', '{"{\"from\":\"before\"}"}', '{NULL}', '{NULL}', '{t}');
execute s20;
execute s21('{1007}');
execute s22('on');
execute s25('{01a2266b-830b-77f7-9ac9-80da12964970}', '{01a2266b-8457-7137-9d2b-f80d1917db57}', '{0}');
execute s26('{01a2266b-8457-7137-9d2b-f80d1917db57}', '{0}', '{bob}', '{01a2266b-8457-7137-9d2b-f80d1917db57}');
commit;
begin;
execute s19('{01a2266b-818c-7286-be2a-83a5f509f13f}');
execute s23('{01a2266b-84a7-7693-8b99-3056d0956661}', '{01a2266b-818c-7286-be2a-83a5f509f13f}', '{01a2266b-808e-7327-a557-28359bae154c}', '{text}', '{"an answer"}', '{NULL}', '{NULL}', '{01a2266b-8346-7476-b632-94bb50914242}', '{t}');
commit;
begin;
execute s19('{01a2266b-818c-7286-be2a-83a5f509f13f}');
execute s23('{01a2266b-84df-76f0-a768-12814d6b8c3c}', '{01a2266b-818c-7286-be2a-83a5f509f13f}', '{01a2266b-8030-72da-9108-c817f32e7b8e}', '{text}', '{"message 1"}', '{NULL}', '{old-1}', '{NULL}', '{t}');
execute s27('{01a2266b-838e-757a-808a-08b32f20cede}');
commit;
begin;
execute s28('01a2266b-838e-757a-808a-08b32f20cede');
execute s29('01a2266b-8030-72da-9108-c817f32e7b8e', '01a2266b-838e-757a-808a-08b32f20cede');
execute s8('01a2266b-818c-7286-be2a-83a5f509f13f');
execute s30('message 1, edited', '11', '01a2266b-838e-757a-808a-08b32f20cede');
execute s26('{}', '{}', '{}', '{01a2266b-838e-757a-808a-08b32f20cede}');
execute s27('{01a2266b-838e-757a-808a-08b32f20cede}');
commit;
begin;
execute s28('01a2266b-83b4-7770-b6fb-1943a6bbf94f');
execute s29('01a2266b-8030-72da-9108-c817f32e7b8e', '01a2266b-83b4-7770-b6fb-1943a6bbf94f');
execute s8('01a2266b-818c-7286-be2a-83a5f509f13f');
execute s31('01a2266b-83b4-7770-b6fb-1943a6bbf94f');
execute s32('01a2266b-83b4-7770-b6fb-1943a6bbf94f', '12', '01a2266b-8030-72da-9108-c817f32e7b8e');
commit;
begin;
execute s28('01a2266b-83ea-7495-b036-1450f45a0b2d');
execute s29('01a2266b-808e-7327-a557-28359bae154c', '01a2266b-83ea-7495-b036-1450f45a0b2d');
execute s33('+1', '01a2266b-808e-7327-a557-28359bae154c', '01a2266b-83ea-7495-b036-1450f45a0b2d');
execute s34('01a2266b-83ea-7495-b036-1450f45a0b2d', '+1', '01a2266b-808e-7327-a557-28359bae154c');
execute s8('01a2266b-818c-7286-be2a-83a5f509f13f');
execute s35('13', '01a2266b-83ea-7495-b036-1450f45a0b2d');
execute s27('{01a2266b-83ea-7495-b036-1450f45a0b2d}');
commit;
begin;
execute s28('01a2266b-83ea-7495-b036-1450f45a0b2d');
execute s29('01a2266b-80f4-7660-b79e-0465332c038f', '01a2266b-83ea-7495-b036-1450f45a0b2d');
execute s33('heart', '01a2266b-80f4-7660-b79e-0465332c038f', '01a2266b-83ea-7495-b036-1450f45a0b2d');
execute s34('01a2266b-83ea-7495-b036-1450f45a0b2d', 'heart', '01a2266b-80f4-7660-b79e-0465332c038f');
execute s8('01a2266b-818c-7286-be2a-83a5f509f13f');
execute s35('14', '01a2266b-83ea-7495-b036-1450f45a0b2d');
execute s27('{01a2266b-83ea-7495-b036-1450f45a0b2d}');
commit;
begin;
execute s28('01a2266b-83ea-7495-b036-1450f45a0b2d');
execute s29('01a2266b-80f4-7660-b79e-0465332c038f', '01a2266b-83ea-7495-b036-1450f45a0b2d');
execute s36('01a2266b-83ea-7495-b036-1450f45a0b2d', 'heart', '01a2266b-80f4-7660-b79e-0465332c038f');
execute s8('01a2266b-818c-7286-be2a-83a5f509f13f');
execute s35('15', '01a2266b-83ea-7495-b036-1450f45a0b2d');
execute s27('{01a2266b-83ea-7495-b036-1450f45a0b2d}');
commit;
execute s37('7', '01a2266b-818c-7286-be2a-83a5f509f13f', '01a2266b-808e-7327-a557-28359bae154c');
execute s38('01a2266b-818c-7286-be2a-83a5f509f13f', '500');
begin;
execute s13('01a2266b-818c-7286-be2a-83a5f509f13f');
execute s12('01a2266b-818c-7286-be2a-83a5f509f13f', '01a2266b-80f4-7660-b79e-0465332c038f');
execute s8('01a2266b-818c-7286-be2a-83a5f509f13f');
execute s39('left', '16', NULL, '01a2266b-818c-7286-be2a-83a5f509f13f', '01a2266b-80f4-7660-b79e-0465332c038f');
execute s10('01a2266b-818c-7286-be2a-83a5f509f13f', '01a2266b-80f4-7660-b79e-0465332c038f');
commit;
begin;
execute s13('01a2266b-818c-7286-be2a-83a5f509f13f');
execute s12('01a2266b-818c-7286-be2a-83a5f509f13f', '01a2266b-8030-72da-9108-c817f32e7b8e');
execute s12('01a2266b-818c-7286-be2a-83a5f509f13f', '01a2266b-808e-7327-a557-28359bae154c');
execute s8('01a2266b-818c-7286-be2a-83a5f509f13f');
execute s40('admin', '17', '01a2266b-8030-72da-9108-c817f32e7b8e', '01a2266b-818c-7286-be2a-83a5f509f13f', '01a2266b-808e-7327-a557-28359bae154c');
execute s10('01a2266b-818c-7286-be2a-83a5f509f13f', '01a2266b-808e-7327-a557-28359bae154c');
commit;
execute s41('01a2266b-8030-72da-9108-c817f32e7b8e:01a2266b-808e-7327-a557-28359bae154c');
execute s15('01a2266b-808e-7327-a557-28359bae154c');
begin;
execute s42('01a2266b-86e5-74cb-95ed-f5cb0377243e', '01a2266b-8030-72da-9108-c817f32e7b8e:01a2266b-808e-7327-a557-28359bae154c', '01a2266b-8030-72da-9108-c817f32e7b8e');
execute s8('01a2266b-86e5-74cb-95ed-f5cb0377243e');
execute s9('01a2266b-86e6-72c7-8ee1-55d85c4fe329', '01a2266b-86e5-74cb-95ed-f5cb0377243e', '01a2266b-8030-72da-9108-c817f32e7b8e', 'member', 'member', NULL, '1');
execute s8('01a2266b-86e5-74cb-95ed-f5cb0377243e');
execute s9('01a2266b-86e7-709c-b91d-caa8b1c5ebab', '01a2266b-86e5-74cb-95ed-f5cb0377243e', '01a2266b-808e-7327-a557-28359bae154c', 'member', 'member', NULL, '2');
execute s41('01a2266b-8030-72da-9108-c817f32e7b8e:01a2266b-808e-7327-a557-28359bae154c');
commit;
execute s12('01a2266b-86e5-74cb-95ed-f5cb0377243e', '01a2266b-8030-72da-9108-c817f32e7b8e');
execute s11('01a2266b-86e5-74cb-95ed-f5cb0377243e', '01a2266b-8030-72da-9108-c817f32e7b8e', 'member');
execute s12('01a2266b-86e5-74cb-95ed-f5cb0377243e', '01a2266b-808e-7327-a557-28359bae154c');
execute s11('01a2266b-86e5-74cb-95ed-f5cb0377243e', '01a2266b-808e-7327-a557-28359bae154c', 'member');
begin;
execute s19('{01a2266b-86e5-74cb-95ed-f5cb0377243e}');
execute s23('{01a2266b-86ef-7238-87d5-0d449b918fa7}', '{01a2266b-86e5-74cb-95ed-f5cb0377243e}', '{01a2266b-8030-72da-9108-c817f32e7b8e}', '{text}', '{"between us"}', '{NULL}', '{NULL}', '{NULL}', '{t}');
commit;
execute s37('3', '01a2266b-86e5-74cb-95ed-f5cb0377243e', '01a2266b-808e-7327-a557-28359bae154c');
execute s38('01a2266b-86e5-74cb-95ed-f5cb0377243e', '500');
execute s43('01a2266b-8030-72da-9108-c817f32e7b8e', 'member');
execute s11('01a2266b-818c-7286-be2a-83a5f509f13f', '01a2266b-8030-72da-9108-c817f32e7b8e', 'member');
execute s44('01a2266b-818c-7286-be2a-83a5f509f13f', NULL, '50', '500000');
execute s45('01a2266b-818c-7286-be2a-83a5f509f13f', NULL, '101');
execute s2('{01a2266b-8030-72da-9108-c817f32e7b8e,01a2266b-808e-7327-a557-28359bae154c}');
begin;
execute s46('01a2266b-8030-72da-9108-c817f32e7b8e', '01a2266b-818c-7286-be2a-83a5f509f13f');
execute s47('01a2266b-818c-7286-be2a-83a5f509f13f', '0', '101', '500000');
execute s48('01a2266b-818c-7286-be2a-83a5f509f13f', '0', '101');
commit;
execute s49('01a2266b-8030-72da-9108-c817f32e7b8e');
execute s50('\m[a-z][a-z0-9+.-]*://', '{message}', '{0}', '{f}', '{t}', '{01a2266b-818c-7286-be2a-83a5f509f13f,01a2266b-86e5-74cb-95ed-f5cb0377243e}', NULL, '50', '500000');
execute s51('01a2266b-8030-72da-9108-c817f32e7b8e', NULL, '51', '500000');
execute s52('01a2266b-8030-72da-9108-c817f32e7b8e', '01a2266b-830b-77f7-9ac9-80da12964970');
execute s53('a', '20');
execute s43('01a2266b-8030-72da-9108-c817f32e7b8e', 'invited');
execute s43('01a2266b-808e-7327-a557-28359bae154c', 'member');
execute s11('01a2266b-818c-7286-be2a-83a5f509f13f', '01a2266b-808e-7327-a557-28359bae154c', 'member');
begin;
execute s46('01a2266b-808e-7327-a557-28359bae154c', '01a2266b-818c-7286-be2a-83a5f509f13f');
execute s47('01a2266b-818c-7286-be2a-83a5f509f13f', '0', '101', '500000');
execute s48('01a2266b-818c-7286-be2a-83a5f509f13f', '0', '101');
commit;
execute s49('01a2266b-808e-7327-a557-28359bae154c');
execute s50('\m[a-z][a-z0-9+.-]*://', '{message}', '{0}', '{f}', '{t}', '{01a2266b-818c-7286-be2a-83a5f509f13f,01a2266b-8256-7524-a4ee-017ddb73b542,01a2266b-86e5-74cb-95ed-f5cb0377243e}', NULL, '50', '500000');
execute s51('01a2266b-808e-7327-a557-28359bae154c', NULL, '51', '500000');
execute s52('01a2266b-808e-7327-a557-28359bae154c', '01a2266b-830b-77f7-9ac9-80da12964970');
execute s53('a', '20');
execute s43('01a2266b-808e-7327-a557-28359bae154c', 'invited');
execute s44('01a2266b-86e5-74cb-95ed-f5cb0377243e', NULL, '50', '500000');
execute s54('01a2266b-80f6-7390-babf-82bc1073a46d', '01a2266b-80f4-7660-b79e-0465332c038f', '1796545709');
begin;
execute s46('01a2266b-8030-72da-9108-c817f32e7b8e', '01a2266b-818c-7286-be2a-83a5f509f13f');
execute s47('01a2266b-818c-7286-be2a-83a5f509f13f', '0', '101', '500000');
execute s48('01a2266b-818c-7286-be2a-83a5f509f13f', '0', '101');
commit;
execute s51('01a2266b-8030-72da-9108-c817f32e7b8e', NULL, '51', '500000');
execute s50('\m[a-z][a-z0-9+.-]*://', '{message}', '{0}', '{f}', '{t}', '{01a2266b-818c-7286-be2a-83a5f509f13f,01a2266b-86e5-74cb-95ed-f5cb0377243e}', NULL, '50', '500000');
begin;
execute s46('01a2266b-808e-7327-a557-28359bae154c', '01a2266b-818c-7286-be2a-83a5f509f13f');
execute s47('01a2266b-818c-7286-be2a-83a5f509f13f', '0', '101', '500000');
execute s48('01a2266b-818c-7286-be2a-83a5f509f13f', '0', '101');
commit;
execute s51('01a2266b-808e-7327-a557-28359bae154c', NULL, '51', '500000');
execute s50('\m[a-z][a-z0-9+.-]*://', '{message}', '{0}', '{f}', '{t}', '{01a2266b-818c-7286-be2a-83a5f509f13f,01a2266b-8256-7524-a4ee-017ddb73b542,01a2266b-86e5-74cb-95ed-f5cb0377243e}', NULL, '50', '500000');
