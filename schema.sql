-- The schema of Parley, as numbered blocks that are only ever appended to.
--
-- `app.db.migrations.migrate` applies each block once, in order, in a transaction of its own, and keeps its number and
-- checksum in `schema_migrations`. A block that has been applied anywhere is never edited: what it made is changed
-- by the next block.
--
-- Ids are UUIDv7 text made by the application, so they sort by time of creation. Times are the server's.

-- migration 1: accounts
create table users (
    id            text        primary key,
    username      text        not null check (username ~ '^[A-Za-z0-9_.-]{3,50}$'),
    display_name  text        check (char_length(display_name) between 1 and 100),
    avatar        text        check (char_length(avatar) <= 2000),
    credential    text        not null,                   -- an argon2id hash
    last_seen_at  timestamptz,                            -- whether one is online now is soft state, kept in Redis
    created_at    timestamptz not null default now(),
    modified_at   timestamptz not null default now()
);

-- One name in any case; collation "C" keeps lower() the same under every locale.
create unique index users_username_key on users (lower(username collate "C"));

-- Signed-out tokens, until they would have expired anyway.
create table revoked_tokens (
    jti         text        primary key,
    user_id     text        not null references users (id) on delete cascade,
    expires_at  timestamptz not null,
    revoked_at  timestamptz not null default now()
);
create index revoked_tokens_expiry on revoked_tokens (expires_at);

-- migration 2: rooms
--
-- A room is a log. `last_seq` counts its changes: every message, edit, deletion, reaction, change of membership or of
-- the room's own fields takes the next number, in the transaction that makes the change, with this row locked. The
-- thing that changed carries the number as its `change_seq`, so "everything after n" is three index scans.
create table rooms (
    id           text        primary key,
    kind         text        not null check (kind in ('public', 'private', 'direct')),
    name         text        check (char_length(name) between 1 and 100),
    description  text        check (char_length(description) <= 1000),
    direct_key   text        unique,                      -- the two users' ids, lesser first, joined by ':'
    created_by   text        not null references users (id),
    last_seq     bigint      not null default 0,
    change_seq   bigint      not null default 0,          -- of the last change to name, description or kind
    created_at   timestamptz not null default now(),
    modified_at  timestamptz not null default now(),
    check ((kind = 'direct') = (direct_key is not null)),
    check ((kind = 'direct') = (name is null))
) with (fillfactor = 50);                                 -- last_seq changes all the time: leave room for HOT updates

-- Discovery of public rooms by the words of their names, and in the order they were made.
create index rooms_public_words on rooms using gin (to_tsvector('simple', name)) where kind = 'public';
create index rooms_public on rooms (id) where kind = 'public';
create index rooms_creator on rooms (created_by);

-- One row for each user who ever had to do with a room. Whoever goes stays as a tombstone, so that the change log can
-- tell of it, and a ban outlives the membership.
create table room_members (
    id             text        primary key,
    room_id        text        not null references rooms (id) on delete cascade,
    user_id        text        not null references users (id),
    role           text        not null default 'member' check (role in ('admin', 'member')),
    state          text        not null default 'member'
                               check (state in ('member', 'invited', 'left', 'removed', 'banned')),
    changed_by     text        references users (id),     -- who invited, promoted, removed or banned
    change_seq     bigint      not null,
    joined_at      timestamptz not null default now(),
    left_at        timestamptz,
    last_read_at   timestamptz,
    last_read_seq  bigint      not null default 0,        -- unread is what came after it; never a counter
    unique (room_id, user_id),
    unique (room_id, change_seq),
    check (state <> 'member' or left_at is null)
) with (fillfactor = 80);
create index room_members_present on room_members (room_id, joined_at, user_id) where state = 'member';
create index room_members_of_user on room_members (user_id, room_id) where state in ('member', 'invited');
create index room_members_admins on room_members (room_id) where state = 'member' and role = 'admin';

-- migration 3: messages
create table messages (
    id          text        primary key,
    room_id     text        not null references rooms (id) on delete cascade,
    sender_id   text        not null references users (id),
    seq         bigint      not null,                     -- its place in the room's order
    change_seq  bigint      not null,                     -- its last change: equals seq until edited
    type        text        not null default 'text' check (char_length(type) between 1 and 20),
    content     text        not null check (char_length(content) <= 10000),
    metadata    jsonb       check (jsonb_typeof(metadata) = 'object'),
    reply_to    text,
    client_id   text        check (char_length(client_id) between 1 and 64),
    created_at  timestamptz not null default now(),
    modified_at timestamptz not null default now(),
    edited_at   timestamptz,
    deleted_at  timestamptz,
    deleted_by  text        references users (id),
    unique (room_id, seq),
    unique (room_id, change_seq),
    unique (sender_id, client_id),                        -- a retry can never make a second message
    unique (room_id, id),
    foreign key (room_id, reply_to) references messages (room_id, id),
    check (change_seq >= seq)
);

-- Unread counts: index-only over what came after a member's mark, without one's own and the deleted.
create index messages_unread on messages (room_id, seq) include (sender_id) where deleted_at is null;
create index messages_replies on messages (room_id, reply_to) where reply_to is not null;
create index messages_words on messages using gin (to_tsvector('simple', content)) where deleted_at is null;

create table reactions (
    message_id  text        not null references messages (id) on delete cascade,
    kind        text        not null check (char_length(kind) between 1 and 32),
    user_id     text        not null references users (id),
    created_at  timestamptz not null default now(),
    primary key (message_id, kind, user_id)
);
create index reactions_user on reactions (user_id);

create table mentions (
    message_id  text        not null references messages (id) on delete cascade,
    user_id     text        not null references users (id),
    primary key (message_id, user_id)
);
create index mentions_user on mentions (user_id, message_id);

-- An uploaded file belongs to its owner until a message takes it, then to that message's room.
create table files (
    id             text        primary key,
    owner_id       text        not null references users (id),
    message_id     text        references messages (id) on delete cascade,
    place          integer     not null default 0,        -- among the message's attachments
    name           text        not null check (char_length(name) between 1 and 255),
    media_type     text        not null,                  -- sniffed, never the client's word
    size           bigint      not null check (size >= 0),
    width          integer,
    height         integer,
    storage_key    text        not null unique,
    thumbnail_key  text        unique,
    created_at     timestamptz not null default now()
);
create index files_message on files (message_id, place) where message_id is not null;
create index files_loose on files (owner_id, created_at) where message_id is null;

-- migration 4: what is shown
--
-- Views, so that each thing that clients see is read in one way wherever it is read.

-- A message with its sender, and all that hangs on it. `read_at` is the receiver's mark, in a direct conversation.
create view shown_messages as
select m.id, m.room_id, m.sender_id, m.seq, m.change_seq, m.type, m.content, m.metadata, m.reply_to, m.client_id,
       m.created_at, m.modified_at, m.edited_at, m.deleted_at,
       u.username, u.display_name, u.avatar,
       r.kind, receiver.user_id as receiver_id,
       (select mark.last_read_at
        from room_members mark
        where mark.room_id = m.room_id and mark.user_id = receiver.user_id and mark.last_read_seq >= m.seq) as read_at,
       (select coalesce(jsonb_agg(jsonb_build_object('kind', of_kind.kind, 'userIds', of_kind.user_ids)
                                  order by of_kind.since, of_kind.kind), '[]')
        from (select kind, jsonb_agg(user_id order by created_at, user_id) as user_ids, min(created_at) as since
              from reactions
              where message_id = m.id
              group by kind) of_kind) as reactions,
       (select coalesce(jsonb_agg(user_id order by user_id), '[]')
        from mentions
        where message_id = m.id) as mentions,
       (select coalesce(jsonb_agg(jsonb_build_object(
                            'id', f.id, 'name', f.name, 'media_type', f.media_type, 'size', f.size,
                            'width', f.width, 'height', f.height, 'thumbnail_key', f.thumbnail_key)
                            order by f.place), '[]')
        from files f
        where f.message_id = m.id) as attachments
from messages m
join users u on u.id = m.sender_id
join rooms r on r.id = m.room_id
left join lateral (
    select case split_part(r.direct_key, ':', 1)
           when m.sender_id then split_part(r.direct_key, ':', 2)
           else split_part(r.direct_key, ':', 1) end as user_id
    where r.kind = 'direct'
) receiver on true;

-- A room as one who is in it, or is invited, sees it. Unread are other people's messages after a member's mark, up to
-- 1,000.
create view shown_rooms as
select r.id, r.kind, r.name, r.description, r.created_by, r.last_seq, r.change_seq, r.created_at, r.modified_at,
       r.direct_key, m.user_id, m.role, m.state, m.joined_at, m.last_read_at, m.last_read_seq,
       (select count(*)
        from (select
              from messages news
              where news.room_id = r.id and news.seq > m.last_read_seq and news.sender_id <> m.user_id
                and news.deleted_at is null and m.state = 'member'
              limit 1000) counted) as unread
from room_members m
join rooms r on r.id = m.room_id
where m.state in ('member', 'invited');

-- Somebody who has, or had, to do with a room.
create view shown_members as
select m.room_id, m.user_id, m.role, m.state, m.change_seq, m.joined_at, m.left_at, m.last_read_seq, m.last_read_at,
       u.username, u.display_name, u.avatar, u.last_seen_at
from room_members m
join users u on u.id = m.user_id;

-- The pages of a room's list of members.
create index room_members_listed on room_members (room_id, user_id) where state in ('member', 'invited');
create index room_members_banned on room_members (room_id, user_id) where state = 'banned';

-- Usernames by their beginning, in any case.
create index users_username_prefix on users (lower(username collate "C") text_pattern_ops);

-- migration 5: files expire
--
-- A file that no message has is deleted after a day, one whose message was deleted at once: first from the storage,
-- then here.
alter table files add column expires_at timestamptz default now() + interval '24 hours';
update files set expires_at = null where message_id is not null;
alter table files add constraint files_expiry check ((message_id is null) = (expires_at is not null));
create index files_expired on files (expires_at) where expires_at is not null;

-- migration 6: generations of tokens
--
-- Signing out everywhere begins another generation; tokens of earlier ones are valid no more. Tokens from before this
-- block are of generation 0.
alter table users add column token_generation integer not null default 0;

-- migration 7: memberships that have ended lately
--
-- For sockets that were not told of the end: see app.rooms.membership_sweeper.
create index room_members_ended on room_members (left_at) where left_at is not null;

-- migration 8: blocks, privacy, muted rooms and hidden conversations
--
-- Whom a user wants nothing from. It is looked up in the transaction that writes, sends or invites.
create table user_blocks (
    blocker_id  text        not null references users (id) on delete cascade,
    blocked_id  text        not null references users (id) on delete cascade,
    created_at  timestamptz not null default now(),
    primary key (blocker_id, blocked_id),
    check (blocker_id <> blocked_id)
);
create index user_blocks_blocked on user_blocks (blocked_id, blocker_id);

-- Who may begin a direct conversation with a user, and who may invite the user to rooms.
alter table users
    add column direct_messages_from text not null default 'everyone'
        check (direct_messages_from in ('everyone', 'shared_rooms', 'nobody')),
    add column invitations_from text not null default 'everyone'
        check (invitations_from in ('everyone', 'shared_rooms', 'nobody'));

-- What a member chose for their own devices: no change of the room, so without a number in its log.
alter table room_members
    add column muted_until   timestamptz,                 -- 'infinity' until the member unmutes it
    add column hidden_at_seq bigint;                      -- not listed until there is a message after this number

-- Pending invitations by inviter (`changed_by`), and by inviter and invited user.
create index room_members_invited_by on room_members (changed_by, user_id) where state = 'invited';

-- The same user does not invite again to the same room for some time.
create table declined_invitations (
    room_id     text        not null references rooms (id) on delete cascade,
    user_id     text        not null references users (id) on delete cascade,
    inviter_id  text        not null references users (id) on delete cascade,
    declined_at timestamptz not null default now(),
    primary key (user_id, room_id, inviter_id)
);

-- migration 9: known networks
--
-- Where the owner of a name has signed in, so that whoever guesses from elsewhere cannot keep them out. `place` is a
-- keyed hash of the name and the network: no address is kept.
create table known_networks (
    place    text        primary key,
    user_id  text        not null references users (id) on delete cascade,
    seen_at  timestamptz not null default now()
);
create index known_networks_of_user on known_networks (user_id, seen_at);
create index known_networks_old on known_networks (seen_at);

-- migration 10: usernames that look alike
--
-- A new username may not look like another one: it is compared by its skeleton. Accounts from before this block keep
-- their names; of those that look alike the oldest one has the skeleton.
create function username_skeleton(username text) returns text
language sql immutable strict parallel safe as $$
    select coalesce(nullif(trim(both '-' from regexp_replace(
        replace(replace(translate(lower(username collate "C"), '01i', 'oll'), 'rn', 'm'), 'vv', 'w'),
        '[_.-]+', '-', 'g')), ''), '-')
$$;

alter table users add column skeleton text;
update users set skeleton = oldest.skeleton
from (
    select distinct on (username_skeleton(username)) id, username_skeleton(username) as skeleton
    from users
    order by username_skeleton(username), created_at, id
) oldest
where oldest.id = users.id;
create unique index users_skeleton_key on users (skeleton);

-- migration 11: sizes of metadata
--
-- So that a page, which ends for its size as well as for its number, is made without reading what is not on it. Null
-- where an instance of before this block wrote the message, and where there is no metadata.
alter table messages add column metadata_bytes integer;

create or replace view shown_messages as
select m.id, m.room_id, m.sender_id, m.seq, m.change_seq, m.type, m.content, m.metadata, m.reply_to, m.client_id,
       m.created_at, m.modified_at, m.edited_at, m.deleted_at,
       u.username, u.display_name, u.avatar,
       r.kind, receiver.user_id as receiver_id,
       (select mark.last_read_at
        from room_members mark
        where mark.room_id = m.room_id and mark.user_id = receiver.user_id and mark.last_read_seq >= m.seq) as read_at,
       (select coalesce(jsonb_agg(jsonb_build_object('kind', of_kind.kind, 'userIds', of_kind.user_ids)
                                  order by of_kind.since, of_kind.kind), '[]')
        from (select kind, jsonb_agg(user_id order by created_at, user_id) as user_ids, min(created_at) as since
              from reactions
              where message_id = m.id
              group by kind) of_kind) as reactions,
       (select coalesce(jsonb_agg(user_id order by user_id), '[]')
        from mentions
        where message_id = m.id) as mentions,
       (select coalesce(jsonb_agg(jsonb_build_object(
                            'id', f.id, 'name', f.name, 'media_type', f.media_type, 'size', f.size,
                            'width', f.width, 'height', f.height, 'thumbnail_key', f.thumbnail_key)
                            order by f.place), '[]')
        from files f
        where f.message_id = m.id) as attachments,
       m.metadata_bytes
from messages m
join users u on u.id = m.sender_id
join rooms r on r.id = m.room_id
left join lateral (
    select case split_part(r.direct_key, ':', 1)
           when m.sender_id then split_part(r.direct_key, ':', 2)
           else split_part(r.direct_key, ':', 1) end as user_id
    where r.kind = 'direct'
) receiver on true;

-- migration 12: changes that were not announced
--
-- The minute in which a room's log last got a number; null where an instance of before this block did that. By the
-- minute, so that of all changes in one only the first has to update the index, and the others stay HOT.
alter table rooms add column changed_minute timestamptz;
create index rooms_changed on rooms (changed_minute, id) where changed_minute is not null;

-- One row. All changes up to `up_to` have been announced, or their rooms told to sync; the last look was at `looked_at`.
create table announced_changes (
    only_row   boolean      primary key default true check (only_row),
    up_to      timestamptz  not null default now(),
    looked_at  timestamptz  not null default now()
);
insert into announced_changes default values;

-- migration 13: mentions by room, groups that are mentioned, and one kind for one emoji
--
-- Where a mention stands, so that the unread ones of a room are counted by an index; and whether the message names the
-- user, or all members, or those who were online. An instance of before this block leaves the place to the trigger.
alter table mentions
    add column room_id text,
    add column seq     bigint,
    add column via     text not null default 'name' check (via in ('name', 'here', 'all'));
update mentions set room_id = m.room_id, seq = m.seq from messages m where m.id = mentions.message_id;
create function place_mention() returns trigger
language plpgsql as $$
begin
    select m.room_id, m.seq into new.room_id, new.seq from messages m where m.id = new.message_id;
    return new;
end
$$;
create trigger mentions_place before insert on mentions
    for each row when (new.room_id is null) execute function place_mention();
alter table mentions alter column room_id set not null, alter column seq set not null;
create index mentions_unread on mentions (user_id, room_id, seq);

create or replace view shown_messages as
select m.id, m.room_id, m.sender_id, m.seq, m.change_seq, m.type, m.content, m.metadata, m.reply_to, m.client_id,
       m.created_at, m.modified_at, m.edited_at, m.deleted_at,
       u.username, u.display_name, u.avatar,
       r.kind, receiver.user_id as receiver_id,
       (select mark.last_read_at
        from room_members mark
        where mark.room_id = m.room_id and mark.user_id = receiver.user_id and mark.last_read_seq >= m.seq) as read_at,
       (select coalesce(jsonb_agg(jsonb_build_object('kind', of_kind.kind, 'userIds', of_kind.user_ids)
                                  order by of_kind.since, of_kind.kind), '[]')
        from (select kind, jsonb_agg(user_id order by created_at, user_id) as user_ids, min(created_at) as since
              from reactions
              where message_id = m.id
              group by kind) of_kind) as reactions,
       (select coalesce(jsonb_agg(user_id order by user_id), '[]')
        from mentions
        where message_id = m.id and via = 'name') as mentions,
       (select coalesce(jsonb_agg(jsonb_build_object(
                            'id', f.id, 'name', f.name, 'media_type', f.media_type, 'size', f.size,
                            'width', f.width, 'height', f.height, 'thumbnail_key', f.thumbnail_key)
                            order by f.place), '[]')
        from files f
        where f.message_id = m.id) as attachments,
       m.metadata_bytes,
       (select min(via)
        from mentions
        where message_id = m.id and via <> 'name') as group_mention
from messages m
join users u on u.id = m.sender_id
join rooms r on r.id = m.room_id
left join lateral (
    select case split_part(r.direct_key, ':', 1)
           when m.sender_id then split_part(r.direct_key, ':', 2)
           else split_part(r.direct_key, ':', 1) end as user_id
    where r.kind = 'direct'
) receiver on true;

-- Also the unread mentions of the member, up to 1,000.
create or replace view shown_rooms as
select r.id, r.kind, r.name, r.description, r.created_by, r.last_seq, r.change_seq, r.created_at, r.modified_at,
       r.direct_key, m.user_id, m.role, m.state, m.joined_at, m.last_read_at, m.last_read_seq,
       (select count(*)
        from (select
              from messages news
              where news.room_id = r.id and news.seq > m.last_read_seq and news.sender_id <> m.user_id
                and news.deleted_at is null and m.state = 'member'
              limit 1000) counted) as unread,
       (select count(*)
        from (select
              from mentions n
              where n.user_id = m.user_id and n.room_id = r.id and n.seq > m.last_read_seq and m.state = 'member'
              limit 1000) counted) as mentions
from room_members m
join rooms r on r.id = m.room_id
where m.state in ('member', 'invited');

-- Names of before they were checked: no line breaks and control characters, and nothing that turns the direction of what
-- follows them.
create function plain_name(name text) returns text
language sql immutable strict parallel safe as $$
    select nullif(trim(regexp_replace(
        regexp_replace(name, '[\u0001-\u001F\u007F-\u009F\u2028\u2029]+', ' ', 'g'),
        '[\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]', '', 'g')), '')
$$;
update users set display_name = plain_name(display_name) where display_name is distinct from plain_name(display_name);
update rooms set name = plain_name(name) where name <> plain_name(name);
drop function plain_name(text);

-- One emoji is one kind of reaction: form NFC, and the variation selectors that the emoji has by itself (UTS #51: those
-- of fully-qualified emojis), as `app.payloads.fields.emoji` has it.
create function reaction_kind(kind text) returns text
language sql immutable strict parallel safe as $$
    select regexp_replace(
        regexp_replace(normalize(regexp_replace(kind, '[\uFE0E\uFE0F]', '', 'g'), NFC),
                       '([\u00A9\u00AE\u203C\u2049\u2122\u2139\u2194-\u2199\u21A9\u21AA\u2328\u23CF\u23ED-\u23EF\u23F1\u23F2'
                       '\u23F8-\u23FA\u24C2\u25AA\u25AB\u25B6\u25C0\u25FB\u25FC\u2600-\u2604\u260E\u2611\u2618\u261D\u2620'
                       '\u2622\u2623\u2626\u262A\u262E\u262F\u2638-\u263A\u2640\u2642\u265F\u2660\u2663\u2665\u2666\u2668'
                       '\u267B\u267E\u2692\u2694-\u2697\u2699\u269B\u269C\u26A0\u26A7\u26B0\u26B1\u26C8\u26CF\u26D1\u26D3'
                       '\u26E9\u26F0\u26F1\u26F4\u26F7-\u26F9\u2702\u2708\u2709\u270C\u270D\u270F\u2712\u2714\u2716\u271D'
                       '\u2721\u2733\u2734\u2744\u2747\u2763\u2764\u27A1\u2934\u2935\u2B05-\u2B07\u3030\u303D\u3297\u3299'
                       '\U0001F170\U0001F171\U0001F17E\U0001F17F\U0001F202\U0001F237\U0001F321\U0001F324-\U0001F32C'
                       '\U0001F336\U0001F37D\U0001F396\U0001F397\U0001F399-\U0001F39B\U0001F39E\U0001F39F'
                       '\U0001F3CB-\U0001F3CE\U0001F3D4-\U0001F3DF\U0001F3F3\U0001F3F5\U0001F3F7\U0001F43F\U0001F441'
                       '\U0001F4FD\U0001F549\U0001F54A\U0001F56F\U0001F570\U0001F573-\U0001F579\U0001F587'
                       '\U0001F58A-\U0001F58D\U0001F590\U0001F5A5\U0001F5A8\U0001F5B1\U0001F5B2\U0001F5BC'
                       '\U0001F5C2-\U0001F5C4\U0001F5D1-\U0001F5D3\U0001F5DC-\U0001F5DE\U0001F5E1\U0001F5E3\U0001F5E8'
                       '\U0001F5EF\U0001F5F3\U0001F5FA\U0001F6CB\U0001F6CD-\U0001F6CF\U0001F6E0-\U0001F6E5\U0001F6E9'
                       '\U0001F6F0\U0001F6F3])(?![\U0001F3FB-\U0001F3FF])', E'\\1\uFE0F', 'g'),
        '([0-9#*])(?=\u20E3)', E'\\1\uFE0F', 'g')
$$;

-- An instance of before this block still writes other kinds.
create function normalize_reaction() returns trigger
language plpgsql as $$
begin
    new.kind := reaction_kind(new.kind);
    if exists (
        select from reactions r
        where r.message_id = new.message_id and r.kind = new.kind and r.user_id = new.user_id
    ) then
        return null;
    end if;
    return new;
end
$$;
create trigger reactions_kind before insert on reactions
    for each row when (new.kind <> reaction_kind(new.kind)) execute function normalize_reaction();

-- The messages whose reactions are merged have changed, so each takes the next number of its room's log.
with changed as (
    select m.id, m.room_id, row_number() over (partition by m.room_id order by m.seq) as number
    from messages m
    where exists (
        select from reactions r
        where r.message_id = m.id and r.kind <> reaction_kind(r.kind) and char_length(reaction_kind(r.kind)) <= 32
    )
), raised as (
    update rooms r
    set last_seq = r.last_seq + c.most, changed_minute = date_trunc('minute', now())
    from (select room_id, max(number) as most from changed group by room_id) c
    where r.id = c.room_id
    returning r.id, r.last_seq - c.most as before
)
update messages m
set change_seq = raised.before + changed.number
from changed
join raised on raised.id = changed.room_id
where m.id = changed.id;

with old as (
    delete from reactions
    where kind <> reaction_kind(kind) and char_length(reaction_kind(kind)) <= 32
    returning message_id, reaction_kind(kind) as kind, user_id, created_at
)
insert into reactions (message_id, kind, user_id, created_at)
select message_id, kind, user_id, min(created_at)
from old
group by message_id, kind, user_id
on conflict do nothing;

-- migration 14: words of messages and names
--
-- What is searched, as the application takes it apart (`app.search.words`). In tables of their own, so that a reaction
-- to a message and a number of a room's log rewrite none of it. The old indexes stay for instances of before this block.
create table message_words (
    room_id     text        not null,
    seq         bigint      not null,
    change_seq  bigint      not null,                     -- of the message when it had these words, or earlier
    created_at  timestamptz not null,                     -- that of the message
    words       tsvector    not null,                     -- of its text and its files' names; and marks for what it is
    primary key (room_id, seq),
    foreign key (room_id, seq) references messages (room_id, seq) on delete cascade
);
create index message_words_newest on message_words (created_at, room_id, seq);
-- What waits to be sorted into the index is read by each search, so it is little.
create index message_words_words on message_words using gin (words) with (gin_pending_list_limit = 512);

create table room_words (
    room_id  text      primary key references rooms (id) on delete cascade,
    words    tsvector  not null                           -- all parts of its name
);
create index room_words_words on room_words using gin (words);

create table user_words (
    user_id  text      primary key references users (id) on delete cascade,
    words    tsvector  not null                           -- all parts of the username and the display name
);
create index user_words_words on user_words using gin (words);

-- Whoever writes a row and its words raises its `words_version`. Of what is written without, as by instances of before
-- this block, the triggers below note that its words are to be made: see app.search_index.indexer.
alter table messages add column words_version integer;
alter table rooms add column words_version integer;
alter table users add column words_version integer;

create table words_to_make (
    number  bigint  generated always as identity primary key,
    kind    text    not null check (kind in ('message', 'room', 'user')),
    id      text    not null
);

create function note_words_to_make() returns trigger
language plpgsql as $$
begin
    insert into words_to_make (kind, id) values (tg_argv[0], new.id);
    return null;
end
$$;

create trigger message_written after insert on messages for each row
when (new.words_version is null)
execute function note_words_to_make('message');
create trigger message_changed after update of content on messages for each row
when (old.content is distinct from new.content and new.words_version is not distinct from old.words_version)
execute function note_words_to_make('message');

create trigger room_written after insert on rooms for each row
when (new.words_version is null and new.name is not null)
execute function note_words_to_make('room');
create trigger room_renamed after update of name on rooms for each row
when (old.name is distinct from new.name and new.words_version is not distinct from old.words_version)
execute function note_words_to_make('room');

create trigger user_written after insert on users for each row
when (new.words_version is null)
execute function note_words_to_make('user');
create trigger user_renamed after update of username, display_name on users for each row
when ((old.username, old.display_name) is distinct from (new.username, new.display_name)
      and new.words_version is not distinct from old.words_version)
execute function note_words_to_make('user');

-- How far the words of what was there before have been made, from the newest id down to `below`.
create table words_made (
    kind     text     primary key check (kind in ('message', 'room', 'user')),
    below    text,                                        -- null while none are
    is_done  boolean  not null default false
);
insert into words_made (kind) values ('user'), ('room'), ('message');

-- migration 15: administrators, deactivated accounts, invitations to sign up, and the audit log
--
-- An instance of before this block knows nothing of `deactivated_at`: so the password of a deactivated account is put
-- away, and `credential` is a hash of chance.
alter table users
    add column is_administrator       boolean not null default false,
    add column deactivated_at         timestamptz,
    add column deactivated_credential text,
    add constraint users_deactivated check ((deactivated_at is null) = (deactivated_credential is null));

-- Of the token that sets a password once, the SHA-256 hash alone is kept.
create table password_resets (
    user_id     text        primary key references users (id) on delete cascade,
    token_hash  text        not null unique,
    expires_at  timestamptz not null
);

-- A link with which people sign up. Of its token the SHA-256 hash alone is kept.
create table sign_up_invitations (
    id          text        primary key,
    token_hash  text        not null unique,
    note        text        check (char_length(note) between 1 and 200),
    most_uses   integer     check (most_uses > 0),         -- null: any number
    uses        integer     not null default 0,
    created_at  timestamptz not null default now(),
    expires_at  timestamptz not null,
    revoked_at  timestamptz,
    check (uses <= most_uses)
);

-- The rooms that whoever signs up with it enters.
create table sign_up_invitation_rooms (
    invitation_id  text  not null references sign_up_invitations (id) on delete cascade,
    room_id        text  not null references rooms (id) on delete cascade,
    primary key (invitation_id, room_id)
);
create index sign_up_invitation_rooms_room on sign_up_invitation_rooms (room_id);

-- What administrators did. It outlives what it is about, so it refers to nothing.
create table audit_log (
    id          bigint      generated always as identity primary key,
    at          timestamptz not null default now(),
    actor       text        not null,                      -- a user's name, or the operator at the command line
    action      text        not null,
    subject_id  text        not null,
    subject     text        not null,                      -- its name at that time
    details     jsonb       not null default '{}' check (jsonb_typeof(details) = 'object')
);

create function refuse_change_of_audit_log() returns trigger language plpgsql as $$
begin
    raise exception 'the audit log is only ever appended to';
end
$$;
create trigger audit_log_is_appended_to before update or delete or truncate on audit_log
for each statement execute function refuse_change_of_audit_log();

-- migration 16: notifications
create table notification_settings (
    user_id      text        primary key references users (id) on delete cascade,
    level        text        not null default 'mentions' check (level in ('all', 'mentions', 'nothing')),
    content      text        not null default 'text' check (content in ('none', 'sender', 'text')),
    quiet        boolean     not null default false,
    quiet_from   time        not null default '22:00',
    quiet_to     time        not null default '07:00',
    time_zone    text        not null default 'UTC',
    muted_until  timestamptz
);

-- What a member chose for one room; null where the user's own level counts.
alter table room_members
    add column notify text check (notify in ('all', 'mentions', 'nothing'));

-- A browser that takes pushes (RFC 8030), with the keys of its messages (RFC 8291). It goes with the token that made it.
create table push_subscriptions (
    id            text        primary key,
    user_id       text        not null references users (id) on delete cascade,
    token_id      text        not null,
    endpoint      text        not null unique,
    public_key    text        not null,
    auth          text        not null,
    device        text,
    created_at    timestamptz not null default now(),
    refreshed_at  timestamptz not null default now()
);
create index push_subscriptions_of_user on push_subscriptions (user_id, refreshed_at);
create index push_subscriptions_of_token on push_subscriptions (token_id);

-- True from when a member first had a subscription: the messages of all other rooms reach no device, and cost nothing.
alter table rooms add column notifies boolean not null default false;

create function note_notified_room() returns trigger
language plpgsql as $$
begin
    if exists (select from push_subscriptions p where p.user_id = new.user_id) then
        update rooms set notifies = true where id = new.room_id and not notifies;
    end if;
    return null;
end
$$;
create trigger room_members_notified after insert or update of state on room_members for each row
when (new.state = 'member')
execute function note_notified_room();

-- Messages of which nobody has been told yet. A row is written with its message, and goes when it is decided.
create table notifications_due (
    message_id  text        primary key references messages (id) on delete cascade,
    put_at      timestamptz not null default now(),       -- when it was last put into the queue
    created_at  timestamptz not null default now()
);
create index notifications_due_oldest on notifications_due (put_at);

-- migration 17: threads
--
-- A reply belongs to the thread of its root: the message that it answers, or the root of that one. Triggers keep the
-- root of each reply, the count of a thread, and its followers. So an instance of before this block, which knows nothing
-- of threads, still writes them; and a message that is no reply costs what it did.
alter table messages
    add column thread_root_id text,                       -- null for what is no reply
    add column also_to_room   boolean not null default true;  -- false: a reply that stands in its thread alone
with recursive replies as (
    select reply.id, reply.room_id, root.id as root_id
    from messages reply
    join messages root on root.id = reply.reply_to and root.reply_to is null
    union all
    select reply.id, reply.room_id, above.root_id
    from replies above
    join messages reply on reply.room_id = above.room_id and reply.reply_to = above.id
)
update messages m set thread_root_id = replies.root_id from replies where m.id = replies.id;
alter table messages
    add foreign key (room_id, thread_root_id) references messages (room_id, id);
create index messages_of_thread on messages (thread_root_id, seq) include (sender_id, deleted_at)
    where thread_root_id is not null;

-- One row for each message that was ever replied to. It changes with each reply that comes or goes, so it is beside the
-- root, whose own row may be large.
create table threads (
    root_id        text        primary key references messages (id) on delete cascade,
    room_id        text        not null references rooms (id) on delete cascade,
    reply_count    integer     not null check (reply_count >= 0),  -- without the deleted ones
    last_reply_seq bigint,                                -- of the last of these; null where none is left
    last_reply_at  timestamptz,
    change_seq     bigint      not null                   -- that of the last reply that came or went
) with (fillfactor = 50);
create index threads_of_room on threads (room_id);
insert into threads (root_id, room_id, reply_count, last_reply_seq, last_reply_at, change_seq)
select thread_root_id, room_id, count(*) filter (where deleted_at is null), max(seq) filter (where deleted_at is null),
       max(created_at) filter (where deleted_at is null),
       max(case when deleted_at is null then seq else change_seq end)
from messages
where thread_root_id is not null
group by thread_root_id, room_id;

-- Who follows a thread, or did, and how far they have read it. What is unread is counted from there.
create table thread_followers (
    root_id        text        not null references messages (id) on delete cascade,
    user_id        text        not null references users (id) on delete cascade,
    is_following   boolean     not null,                  -- false: the user wants no more of it
    last_read_seq  bigint      not null,
    primary key (root_id, user_id)
);
create index thread_followers_of_user on thread_followers (user_id, root_id) where is_following;

-- Of the triggers on messages, this one alone is looked at for a message that is no reply.
create function place_in_thread() returns trigger
language plpgsql as $$
begin
    select coalesce(answered.thread_root_id, answered.id) into new.thread_root_id
    from messages answered
    where answered.id = new.reply_to;
    if new.thread_root_id is not null then
        insert into threads (root_id, room_id, reply_count, last_reply_seq, last_reply_at, change_seq)
        values (new.thread_root_id, new.room_id, 1, new.seq, new.created_at, new.seq)
        on conflict (root_id) do update
        set reply_count = threads.reply_count + 1,
            last_reply_seq = greatest(threads.last_reply_seq, excluded.last_reply_seq),
            last_reply_at = greatest(threads.last_reply_at, excluded.last_reply_at),
            change_seq = greatest(threads.change_seq, excluded.change_seq);
    end if;
    return new;
end
$$;
create trigger messages_thread before insert on messages
    for each row when (new.reply_to is not null) execute function place_in_thread();

create function take_from_thread() returns trigger
language plpgsql as $$
begin
    update threads
    set reply_count = reply_count - 1, change_seq = new.change_seq,
        (last_reply_seq, last_reply_at) = (
            select seq, created_at from messages
            where thread_root_id = new.thread_root_id and deleted_at is null
            order by seq desc
            limit 1
        )
    where root_id = new.thread_root_id;
    return null;
end
$$;
create trigger messages_reply_deleted after update of deleted_at on messages
    for each row
    when (new.thread_root_id is not null and old.deleted_at is null and new.deleted_at is not null)
    execute function take_from_thread();

-- Lets the people follow whom replies concern: the author of the root, whoever replies, and those whom the root or a
-- reply mentions by name; in a direct conversation both. What came before has been read. Whoever wanted no more of a
-- thread follows it again by a reply (`are_new`), and by nothing else.
create function follow_threads(reply_ids text[], are_new boolean) returns void
language plpgsql as $$
begin
    insert into thread_followers (root_id, user_id, is_following, last_read_seq)
    select reply.thread_root_id, concerned.user_id, true, min(reply.seq) - 1
    from messages reply
    join messages root on root.id = reply.thread_root_id
    cross join lateral (
        select root.sender_id as user_id
        union select reply.sender_id
        union select n.user_id from mentions n where n.message_id in (root.id, reply.id) and n.via = 'name'
        union select m.user_id from room_members m join rooms r on r.id = m.room_id
              where r.id = reply.room_id and r.kind = 'direct'
    ) concerned
    where reply.id = any(reply_ids)
    group by reply.thread_root_id, concerned.user_id
    order by reply.thread_root_id, concerned.user_id
    on conflict do nothing;

    update thread_followers f
    set is_following = true, last_read_seq = greatest(f.last_read_seq, reply.seq - 1)
    from messages reply
    where are_new and reply.id = any(reply_ids)
      and f.root_id = reply.thread_root_id and f.user_id = reply.sender_id and not f.is_following;
end
$$;

-- When a transaction commits, for the mentions are written after their message. Whoever calls `follow_threads` for all
-- replies of a transaction says so by `parley.replies_followed`, and it is not done a second time. The last change of a
-- thread that got a reply has the number of that; one that lost a reply has a number that no message stands at.
create function follow_by_reply() returns trigger
language plpgsql as $$
begin
    if coalesce(current_setting('parley.replies_followed', true), '') <> 'yes' then
        perform follow_threads(array(select id from messages where room_id = new.room_id and seq = new.change_seq), true);
    end if;
    return null;
end
$$;
create constraint trigger threads_followed after insert or update on threads deferrable initially deferred
    for each row execute function follow_by_reply();

create function follow_by_mention() returns trigger
language plpgsql as $$
begin
    perform follow_threads(array[new.id], false);
    return null;
end
$$;
create constraint trigger messages_followed after update of content on messages deferrable initially deferred
    for each row when (new.thread_root_id is not null and new.deleted_at is null) execute function follow_by_mention();

-- All that was there before this block counts as read.
insert into thread_followers (root_id, user_id, is_following, last_read_seq)
select t.root_id, concerned.user_id, true, t.change_seq
from threads t
join messages root on root.id = t.root_id
cross join lateral (
    select root.sender_id as user_id
    union select reply.sender_id from messages reply where reply.thread_root_id = t.root_id
    union select n.user_id from mentions n where n.message_id = t.root_id and n.via = 'name'
    union select n.user_id from messages reply join mentions n on n.message_id = reply.id and n.via = 'name'
          where reply.thread_root_id = t.root_id
    union select m.user_id from room_members m join rooms r on r.id = m.room_id
          where r.id = t.room_id and r.kind = 'direct'
) concerned;

-- Mentions in replies that stand in their thread alone are unread there, and not in the room.
alter table mentions add column in_thread boolean not null default false;
drop index mentions_unread;
create index mentions_unread on mentions (user_id, room_id, seq) where not in_thread;
drop index messages_unread;
create index messages_unread on messages (room_id, seq) include (sender_id) where deleted_at is null and also_to_room;

create or replace view shown_messages as
select m.id, m.room_id, m.sender_id, m.seq, m.change_seq, m.type, m.content, m.metadata, m.reply_to, m.client_id,
       m.created_at, m.modified_at, m.edited_at, m.deleted_at,
       u.username, u.display_name, u.avatar,
       r.kind, receiver.user_id as receiver_id,
       (select mark.last_read_at
        from room_members mark
        where mark.room_id = m.room_id and mark.user_id = receiver.user_id and mark.last_read_seq >= m.seq) as read_at,
       (select coalesce(jsonb_agg(jsonb_build_object('kind', of_kind.kind, 'userIds', of_kind.user_ids)
                                  order by of_kind.since, of_kind.kind), '[]')
        from (select kind, jsonb_agg(user_id order by created_at, user_id) as user_ids, min(created_at) as since
              from reactions
              where message_id = m.id
              group by kind) of_kind) as reactions,
       (select coalesce(jsonb_agg(user_id order by user_id), '[]')
        from mentions
        where message_id = m.id and via = 'name') as mentions,
       (select coalesce(jsonb_agg(jsonb_build_object(
                            'id', f.id, 'name', f.name, 'media_type', f.media_type, 'size', f.size,
                            'width', f.width, 'height', f.height, 'thumbnail_key', f.thumbnail_key)
                            order by f.place), '[]')
        from files f
        where f.message_id = m.id) as attachments,
       m.metadata_bytes,
       (select min(via)
        from mentions
        where message_id = m.id and via <> 'name') as group_mention,
       m.thread_root_id, m.also_to_room,
       t.root_id as thread_id, t.reply_count, t.last_reply_seq, t.last_reply_at, t.change_seq as thread_change_seq
from messages m
join users u on u.id = m.sender_id
join rooms r on r.id = m.room_id
left join threads t on t.root_id = coalesce(m.thread_root_id, m.id)
left join lateral (
    select case split_part(r.direct_key, ':', 1)
           when m.sender_id then split_part(r.direct_key, ':', 2)
           else split_part(r.direct_key, ':', 1) end as user_id
    where r.kind = 'direct'
) receiver on true;

create or replace view shown_rooms as
select r.id, r.kind, r.name, r.description, r.created_by, r.last_seq, r.change_seq, r.created_at, r.modified_at,
       r.direct_key, m.user_id, m.role, m.state, m.joined_at, m.last_read_at, m.last_read_seq,
       (select count(*)
        from (select
              from messages news
              where news.room_id = r.id and news.seq > m.last_read_seq and news.sender_id <> m.user_id
                and news.deleted_at is null and news.also_to_room and m.state = 'member'
              limit 1000) counted) as unread,
       (select count(*)
        from (select
              from mentions n
              where n.user_id = m.user_id and n.room_id = r.id and n.seq > m.last_read_seq and not n.in_thread
                and m.state = 'member'
              limit 1000) counted) as mentions
from room_members m
join rooms r on r.id = m.room_id
where m.state in ('member', 'invited');

-- migration 18: sessions, default rooms, retention, and what is deleted in parts
--
-- A session is a bearer token that was issued, with the `User-Agent` of who got it. An instance of before this block
-- issues tokens without; their sessions are added when they are seen.
create table sessions (
    id            text        primary key,                 -- that of its token
    user_id       text        not null references users (id) on delete cascade,
    generation    integer     not null,                    -- of the user's tokens
    user_agent    text        check (char_length(user_agent) between 1 and 300),
    created_at    timestamptz not null,
    last_seen_at  timestamptz not null default now(),      -- some minutes late at most
    expires_at    timestamptz not null
);
create index sessions_of_user on sessions (user_id, last_seen_at);
create index sessions_expired on sessions (expires_at);

-- The rooms that whoever signs up enters.
create table default_rooms (
    room_id   text        primary key references rooms (id) on delete cascade,
    added_at  timestamptz not null default now()
);

-- Since when a room is being deleted. It has no members from then on but those whose turn to go comes, it is private, and
-- its messages go some at a time: see app.erasure.room_sweeper.
alter table rooms add column deleted_at timestamptz;
create index rooms_deleted on rooms (deleted_at) where deleted_at is not null;

-- Since when an account is deleted, and all that is to go with it is gone. Its row stays for what refers to it.
alter table users
    add column deleted_at timestamptz,
    add column erased_at  timestamptz,
    add constraint users_deleted check (deleted_at is null or deactivated_at is not null);
create index users_to_erase on users (deleted_at) where deleted_at is not null and erased_at is null;
create index files_attached_of_owner on files (owner_id) where message_id is not null;

-- For how many days a room keeps its messages; null for ever.
alter table rooms add column retention_days integer check (retention_days between 1 and 3650);
create index rooms_with_retention on rooms (id) where retention_days is not null;

-- What users tell of themselves. An avatar is a file that no message has, of which anybody may see the thumbnail;
-- `users.avatar` is its address.
alter table users
    add column status_text  text        check (char_length(status_text) between 1 and 100),
    add column status_until timestamptz,
    add column time_zone    text        check (char_length(time_zone) between 1 and 64);
alter table files add column avatar_of text references users (id);
alter table files drop constraint files_expiry;
alter table files add constraint files_expiry
    check ((message_id is null and avatar_of is null) = (expires_at is not null));
create unique index files_avatar on files (avatar_of) where avatar_of is not null;

-- migration 19: what members keep for themselves
--
-- From which message on a member has marked a room as unread. A mark of what was read never goes back: `unread_from`
-- counts in its place for as long as that stands where it stood then, at `unread_from_mark`. So whatever moves the mark
-- takes this away, on an instance of before this block as well.
alter table room_members
    add column unread_from      bigint,
    add column unread_from_mark bigint,
    add column is_favorite      boolean not null default false;

-- Unread are what stands after the mark, or from `unread_from` on; that message itself whoever wrote it.
create or replace view shown_rooms as
select r.id, r.kind, r.name, r.description, r.created_by, r.last_seq, r.change_seq, r.created_at, r.modified_at,
       r.direct_key, m.user_id, m.role, m.state, m.joined_at, m.last_read_at, m.last_read_seq,
       (select count(*)
        from (select
              from messages news
              where news.room_id = r.id and news.seq > own.read_to
                and (news.sender_id <> m.user_id or news.seq = own.unread_from)
                and news.deleted_at is null and news.also_to_room and m.state = 'member'
              limit 1000) counted) as unread,
       (select count(*)
        from (select
              from mentions n
              where n.user_id = m.user_id and n.room_id = r.id and n.seq > own.read_to and not n.in_thread
                and m.state = 'member'
              limit 1000) counted) as mentions,
       own.unread_from
from room_members m
join rooms r on r.id = m.room_id
cross join lateral (
    select case when m.unread_from_mark = m.last_read_seq then m.unread_from end as unread_from,
           case when m.unread_from_mark = m.last_read_seq then m.unread_from - 1 else m.last_read_seq end as read_to
) own
where m.state in ('member', 'invited');

-- Messages that a user has saved. They go with the message and with the membership, whichever way these end.
create table saved_messages (
    id          text        primary key,
    user_id     text        not null references users (id) on delete cascade,
    message_id  text        not null references messages (id) on delete cascade,
    saved_at    timestamptz not null default now(),
    unique (user_id, message_id)
);
create index saved_messages_of_user on saved_messages (user_id, id);
create index saved_messages_of_message on saved_messages (message_id);

-- Earlier texts of messages that were edited. They go with the message, and with the account that wrote them.
create table message_edits (
    id          text        primary key,
    message_id  text        not null references messages (id) on delete cascade,
    sender_id   text        not null references users (id) on delete cascade,
    change_seq  bigint      not null,                     -- of the edit that replaced this text
    content     text        not null check (char_length(content) <= 10000),
    written_at  timestamptz not null,                     -- since when the message had it
    unique (message_id, change_seq)
);
create index message_edits_of_sender on message_edits (sender_id, id);

-- What web pages say of themselves, by their addresses: a bounded cache, so that each is asked for once.
create table link_previews (
    url          text        primary key check (char_length(url) <= 2000),
    title        text        check (char_length(title) between 1 and 200),  -- null where there is nothing to show
    description  text        check (char_length(description) between 1 and 400),
    site_name    text        check (char_length(site_name) between 1 and 100),
    claimed_at   timestamptz not null default now(),      -- when an instance took it on to fetch the page
    fetched_at   timestamptz                              -- null until it has
);
create index link_previews_oldest on link_previews (claimed_at);

-- What a message shows of it, which stays when the cache lets go of the page.
create table message_previews (
    message_id   text        not null references messages (id) on delete cascade,
    place        integer     not null,
    url          text        not null,
    title        text        not null,
    description  text,
    site_name    text,
    primary key (message_id, place)
);

create function forget_kept_of_message() returns trigger
language plpgsql as $$
begin
    delete from saved_messages where message_id = new.id;
    delete from message_edits where message_id = new.id;
    delete from message_previews where message_id = new.id;
    return null;
end
$$;
create trigger messages_kept_forgotten after update of deleted_at on messages
    for each row when (old.deleted_at is null and new.deleted_at is not null)
    execute function forget_kept_of_message();

create function forget_saved_of_member() returns trigger
language plpgsql as $$
begin
    delete from saved_messages s using messages m
    where s.user_id = new.user_id and m.id = s.message_id and m.room_id = new.room_id;
    return null;
end
$$;
create trigger room_members_saved_forgotten after update of state on room_members
    for each row when (old.state = 'member' and new.state <> 'member')
    execute function forget_saved_of_member();

create or replace view shown_messages as
select m.id, m.room_id, m.sender_id, m.seq, m.change_seq, m.type, m.content, m.metadata, m.reply_to, m.client_id,
       m.created_at, m.modified_at, m.edited_at, m.deleted_at,
       u.username, u.display_name, u.avatar,
       r.kind, receiver.user_id as receiver_id,
       (select mark.last_read_at
        from room_members mark
        where mark.room_id = m.room_id and mark.user_id = receiver.user_id and mark.last_read_seq >= m.seq) as read_at,
       (select coalesce(jsonb_agg(jsonb_build_object('kind', of_kind.kind, 'userIds', of_kind.user_ids)
                                  order by of_kind.since, of_kind.kind), '[]')
        from (select kind, jsonb_agg(user_id order by created_at, user_id) as user_ids, min(created_at) as since
              from reactions
              where message_id = m.id
              group by kind) of_kind) as reactions,
       (select coalesce(jsonb_agg(user_id order by user_id), '[]')
        from mentions
        where message_id = m.id and via = 'name') as mentions,
       (select coalesce(jsonb_agg(jsonb_build_object(
                            'id', f.id, 'name', f.name, 'media_type', f.media_type, 'size', f.size,
                            'width', f.width, 'height', f.height, 'thumbnail_key', f.thumbnail_key)
                            order by f.place), '[]')
        from files f
        where f.message_id = m.id) as attachments,
       m.metadata_bytes,
       (select min(via)
        from mentions
        where message_id = m.id and via <> 'name') as group_mention,
       m.thread_root_id, m.also_to_room,
       t.root_id as thread_id, t.reply_count, t.last_reply_seq, t.last_reply_at, t.change_seq as thread_change_seq,
       (select coalesce(jsonb_agg(jsonb_build_object(
                            'url', p.url, 'title', p.title, 'description', p.description, 'siteName', p.site_name)
                            order by p.place), '[]')
        from message_previews p
        where p.message_id = m.id) as previews
from messages m
join users u on u.id = m.sender_id
join rooms r on r.id = m.room_id
left join threads t on t.root_id = coalesce(m.thread_root_id, m.id)
left join lateral (
    select case split_part(r.direct_key, ':', 1)
           when m.sender_id then split_part(r.direct_key, ':', 2)
           else split_part(r.direct_key, ':', 1) end as user_id
    where r.kind = 'direct'
) receiver on true;

-- migration 20: pins, archived rooms, groups, and links into rooms
--
-- The pins of a room are among its own fields, and a change of them raises its `change_seq`. A message that is deleted is
-- pinned no more, whichever instance deletes it: whoever hears of the deletion takes it for that, so it needs no number.
alter table rooms add column archived_at timestamptz;     -- since when nothing is written in it; null: it is not archived
create table pins (
    message_id  text        primary key references messages (id) on delete cascade,
    room_id     text        not null references rooms (id) on delete cascade,
    place       integer     not null,                     -- among the pins of the room, the least first
    pinned_by   text        not null references users (id),
    pinned_at   timestamptz not null default now()
);
create index pins_of_room on pins (room_id, place);

create function unpin_deleted() returns trigger
language plpgsql as $$
begin
    delete from pins where message_id = new.id;
    return null;
end
$$;
create trigger messages_unpinned after update of deleted_at on messages
    for each row when (old.deleted_at is null and new.deleted_at is not null) execute function unpin_deleted();

-- A group is the conversation of a few people: a private room without admins, which has the ids of all of them, in order
-- and joined by ':', as its key. So the same people have one, and nobody else comes into it. Its name is for an instance
-- of before this block, and for clients that know nothing of groups.
alter table rooms
    add column group_key text unique,
    add constraint rooms_group check (group_key is null or kind = 'private');

create or replace view shown_rooms as
select r.id, r.kind, r.name, r.description, r.created_by, r.last_seq, r.change_seq, r.created_at, r.modified_at,
       r.direct_key, m.user_id, m.role, m.state, m.joined_at, m.last_read_at, m.last_read_seq,
       (select count(*)
        from (select
              from messages news
              where news.room_id = r.id and news.seq > own.read_to
                and (news.sender_id <> m.user_id or news.seq = own.unread_from)
                and news.deleted_at is null and news.also_to_room and m.state = 'member'
              limit 1000) counted) as unread,
       (select count(*)
        from (select
              from mentions n
              where n.user_id = m.user_id and n.room_id = r.id and n.seq > own.read_to and not n.in_thread
                and m.state = 'member'
              limit 1000) counted) as mentions,
       own.unread_from,
       r.archived_at, r.group_key
from room_members m
join rooms r on r.id = m.room_id
cross join lateral (
    select case when m.unread_from_mark = m.last_read_seq then m.unread_from end as unread_from,
           case when m.unread_from_mark = m.last_read_seq then m.unread_from - 1 else m.last_read_seq end as read_to
) own
where m.state in ('member', 'invited');

-- A link into a room is an invitation that the room's admins make, for people with an account: nobody signs up with it.
-- An instance of before this block cannot take it for one to sign up with, for its token is hashed in another way.
alter table sign_up_invitations
    add column into_room   text references rooms (id) on delete cascade,
    add column created_by  text references users (id),
    add constraint sign_up_invitations_link check ((into_room is null) = (created_by is null));
create index sign_up_invitations_into_room on sign_up_invitations (into_room, id) where into_room is not null;

-- migration 21: threads that are marked as unread
--
-- As of rooms, see migration 19: `unread_from` counts in place of the mark for as long as that stands at `unread_from_mark`.
alter table thread_followers
    add column unread_from      bigint,
    add column unread_from_mark bigint;
