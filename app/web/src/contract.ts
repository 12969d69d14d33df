/** What goes over the wire. Times are RFC 3339 text in UTC, ids are UUIDv7 text. */

export type Reason =
  | "unauthenticated" | "invalid" | "too_long" | "too_large" | "not_found" | "not_a_member" | "forbidden"
  | "conflict" | "too_many" | "rate_limited" | "unavailable" | "internal";

/** What a refused operation says; `retryAfter` in ms. */
export interface ErrorBody {
  code: string;
  reason: Reason;
  message: string;
  requestId: string;
  retryAfter?: number;
}

export type Ack<T> = { ok: true; data: T } | { ok: false; error: ErrorBody };

export interface UserRef {
  id: string;
  username: string;
  displayName: string | null;
  avatar: string | null;
}

export interface User extends UserRef {
  isOnline: boolean;
  lastSeenAt: string | null;
  createdAt: string;
  modifiedAt: string;
}

export interface Session {
  token: string;
  /** Opens nothing: makes this device known when the same user signs in again. */
  deviceToken: string;
  user: User;
}

export type Kind = "public" | "private" | "direct";
export type Role = "admin" | "member";

/** A room's own fields; `changeSeq` is the number of their last change in the room's log. */
export interface RoomInfo {
  id: string;
  kind: Kind;
  name: string | null;
  description: string | null;
  isPrivate: boolean;
  createdBy: string;
  changeSeq: number;
  createdAt: string;
  modifiedAt: string;
}

export interface Membership {
  role: Role;
  state: "member" | "invited";
  joinedAt: string;
  lastReadAt: string | null;
  lastReadSeq: number;
  muted: boolean;
  /** Null where a mute has no end, or there is none. */
  mutedUntil: string | null;
}

/** A room as one of its members sees it. `lastSeq` is the number of the last change in its log; `unread` ends at 1000. */
export interface Room extends RoomInfo {
  lastSeq: number;
  unread: number;
  membership: Membership;
}

/** A room as somebody meets it who looks for one; `memberCount` ends at 1000. */
export interface PublicRoom {
  id: string;
  name: string;
  description: string | null;
  memberCount: number;
  joined: boolean;
  createdAt: string;
}

export interface PublicRooms {
  rooms: PublicRoom[];
  next: string | null;
}

export interface Presence {
  userId: string;
  status: "online" | "offline";
  lastSeenAt: string | null;
}

export interface Member {
  roomId: string;
  userId: string;
  role: Role;
  state: "member" | "invited" | "left" | "removed" | "banned";
  changeSeq: number;
  joinedAt: string;
  leftAt: string | null;
  lastReadSeq: number;
  lastReadAt: string | null;
  user: UserRef;
  /** Only in lists. */
  presence: Pick<Presence, "status" | "lastSeenAt"> | null;
}

export interface MembersPage {
  members: Member[];
  next: string | null;
}

export type MessageType = "text" | "image" | "file" | "audio" | "video" | "system";

export interface Attachment {
  id: string;
  name: string;
  mediaType: string;
  size: number;
  width: number | null;
  height: number | null;
  url: string;
  thumbnailUrl: string | null;
}

export interface Reaction {
  kind: string;
  userIds: string[];
}

/** `seq` is the message's place in the room, `changeSeq` its last change. A deleted one has no content any more. */
export interface Message {
  id: string;
  roomId: string;
  senderId: string;
  seq: number;
  changeSeq: number;
  type: MessageType;
  content: string;
  metadata: Record<string, unknown> | null;
  replyTo: string | null;
  clientId: string | null;
  createdAt: string;
  modifiedAt: string;
  editedAt: string | null;
  deletedAt: string | null;
  sender: UserRef;
  attachments: Attachment[];
  reactions: Reaction[];
  mentions: string[];
  /** Only in direct rooms. */
  receiverId?: string;
  /** Only in direct rooms. */
  readAt?: string | null;
}

export interface Conversation {
  roomId: string;
  /** The other one; oneself for notes. */
  user: UserRef;
  presence: Pick<Presence, "status" | "lastSeenAt"> | null;
  lastSeq: number;
  lastReadSeq: number;
  unread: number;
  muted: boolean;
  mutedUntil: string | null;
  lastMessage: Message | null;
}

export interface ConversationsPage {
  conversations: Conversation[];
  next: string | null;
}

/** Somebody whom one has blocked. */
export interface Block {
  user: UserRef;
  createdAt: string;
}

export interface BlocksPage {
  blocks: Block[];
  next: string | null;
}

export type Audience = "everyone" | "shared_rooms" | "nobody";

/** Who may begin a conversation with one, and who may invite one. */
export interface Privacy {
  directMessages: Audience;
  invitations: Audience;
}

export interface Mute {
  roomId: string;
  muted: boolean;
  mutedUntil: string | null;
}

/** The conversation is not listed until a message has a higher `seq`. */
export interface ConversationHidden {
  roomId: string;
  seq: number;
}

export interface Authenticated {
  id: string;
  userId: string;
  time: string;
}

export interface MessageDeleted {
  messageId: string;
  roomId: string;
  seq: number;
  deletedAt: string;
}

export interface ReactionsUpdated {
  roomId: string;
  messageId: string;
  seq: number;
  reactions: Reaction[];
}

export interface MemberChanged {
  roomId: string;
  userId: string;
  seq: number;
  member: Member;
}

export interface ReadMark {
  roomId: string;
  userId: string;
  seq: number;
  readAt: string;
}

export interface TypingUpdate {
  roomId: string;
  userId: string;
  isTyping: boolean;
  expiresAt: string | null;
}

export type LoggedChange =
  | { seq: number; type: "message"; message: Message }
  | { seq: number; type: "member"; member: Member }
  | { seq: number; type: "room"; room: RoomInfo };

/** A page of a room's log, as things stand now; it goes on after `nextSeq`. */
export interface Changes {
  roomId: string;
  changes: LoggedChange[];
  nextSeq: number;
  lastSeq: number;
  hasMore: boolean;
}

/** What `message:send` and `dm:send` take beside the room or the receiver. */
export interface NewMessage {
  content: string;
  type?: MessageType;
  clientId?: string;
  replyTo?: string;
  attachments?: string[];
}

export interface ReadingFrom {
  before?: string;
  after?: string;
  around?: string;
  limit?: number;
}

/** The operations that are called over the socket: event -> [payload, data of the ack]. */
export interface Operations {
  "authenticate": [{ token?: string }, Authenticated];
  "room:list": [object, Room[]];
  "room:create": [{ name: string; description?: string; isPrivate?: boolean }, Room];
  "room:get": [{ roomId: string }, Room];
  "room:update": [{ roomId: string; name?: string; description?: string }, Room];
  "room:join": [{ roomId: string }, Room];
  "room:leave": [{ roomId: string }, MemberChanged];
  "room:invitations": [{ before?: string; limit?: number }, Room[]];
  "room:members": [{ roomId: string; after?: string; limit?: number }, MembersPage];
  "room:invite": [{ roomId: string; userId?: string; username?: string }, Member];
  "room:set-role": [{ roomId: string; userId: string; role: Role }, Member];
  "room:kick": [{ roomId: string; userId: string }, Member];
  "room:ban": [{ roomId: string; userId: string }, Member];
  "room:unban": [{ roomId: string; userId: string }, Member];
  "room:read": [{ roomId: string; seq: number }, ReadMark];
  "room:sync": [{ roomId: string; afterSeq: number; limit?: number }, Changes];
  "message:send": [NewMessage & { roomId: string }, Message];
  "message:history": [ReadingFrom & { roomId: string }, Message[]];
  "message:edit": [{ messageId: string; content: string }, Message];
  "message:delete": [{ messageId: string }, MessageDeleted];
  "reaction:add": [{ messageId: string; kind: string }, ReactionsUpdated];
  "reaction:remove": [{ messageId: string; kind: string }, ReactionsUpdated];
  "dm:send": [NewMessage & { receiverId: string }, Message];
  "dm:history": [ReadingFrom & { userId: string }, Message[]];
  "conversation:hide": [{ roomId: string }, ConversationHidden];
  "room:mute": [{ roomId: string; seconds?: number }, Mute];
  "room:unmute": [{ roomId: string }, Mute];
  "user:blocks": [{ after?: string; limit?: number }, BlocksPage];
  "user:block": [{ userId: string }, Block];
  "user:unblock": [{ userId: string }, { userId: string }];
  "user:privacy": [object, Privacy];
  "user:set-privacy": [Partial<Privacy>, Privacy];
  "conversation:list": [{ before?: string; limit?: number }, ConversationsPage];
  "typing:start": [{ roomId: string }, unknown];
  "typing:stop": [{ roomId: string }, unknown];
  "presence:get": [{ userIds: string[] }, Presence[]];
}

/** The server's events, each with its payload. */
export interface ServerEvents {
  "unauthenticated": { message: string; time: string };
  "ping": { time: string };
  "message:new": Message;
  "dm:new": Message;
  "message:edited": Message;
  "message:deleted": MessageDeleted;
  "reaction:updated": ReactionsUpdated;
  "mention:new": Message;
  "room:user-joined": MemberChanged;
  "room:user-left": MemberChanged;
  "room:member-updated": MemberChanged;
  "room:invited": Room;
  "room:added": Room;
  "room:updated": RoomInfo;
  "room:read-updated": ReadMark;
  "room:mute-updated": Mute;
  "conversation:hidden": ConversationHidden;
  "user:blocked": Block;
  "user:unblocked": { userId: string };
  "user:privacy-updated": Privacy;
  "typing:update": TypingUpdate;
  "presence:changed": Presence;
  "presence:snapshot": Presence[];
  "error": ErrorBody;
}
