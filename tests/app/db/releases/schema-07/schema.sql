-- The schema of Parley, as numbered blocks that are only ever appended to.
--
-- `app.db.migrate` applies each block once, in order, in a transaction of its own, and keeps its number and
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
-- For sockets that were not told of the end: see app.subscriptions.
create index room_members_ended on room_members (left_at) where left_at is not null;
