/**
 * What the page shows and what it can do: signals to read, and actions. The interface draws from here alone.
 *
 * Every action returns a promise that rejects with a `ChatError`, whose `message` is a sentence for the user. What
 * is shown optimistically (sending, marking as read) never rejects: its outcome is in the signals.
 */
import type { ReadonlySignal } from "@preact/signals";
import { modelOf } from "./actions";
import { Chat, type RoomWatcher } from "./chat";
import type { ChosenFile } from "./chosen-files";
import type {
  Attachment, Connection, ConnectionState, Conversation, Member, MemberChanged, Message, OutboxEntry, Place, Presence, Profile, PublicRoom,
  Rest, Room, User, UserRef,
} from "./client";
import type { DraftPlace, Edits } from "./drafts";
import { shelfOr } from "./shelves";

export type { OutboxEntry, Place } from "./client";

/** Why somebody is at the sign-in form again though they did not ask for it; null when they did. */
export type SignedOutReason = string | null;

/** The messages of a room that are loaded: a window without gaps, oldest first. */
export interface Timeline {
  /** Deleted ones stay in it as tombstones (`deletedAt`) when they were seen before. */
  messages: readonly Message[];
  /** Nothing is older than the first: do not call loadOlder. */
  atStart: boolean;
  /** The last is the newest and new ones appear; else call loadNewer (scrolling down) or showLatest. */
  atEnd: boolean;
  status: "loading" | "ready" | "failed";
  /** With `failed`: a sentence. `openRoom` again tries again. */
  error: string | null;
  /** Which ends are being read just now. */
  loading: { older: boolean; newer: boolean };
  /** The message that `jumpTo` brought; the page scrolls to it when `token` changes. */
  target: { messageId: string; token: number } | null;
  /** Changes when the messages are read as for a room that is opened: the page begins with it anew. */
  opening: number;
}

/** An open room. All are signals of this room alone. */
export interface OpenRoom {
  readonly roomId: string;
  /** Null in direct rooms, whose `conversation` it is instead, and once one is no longer in the room. */
  readonly room: ReadonlySignal<Room | null>;
  readonly conversation: ReadonlySignal<Conversation | null>;
  readonly timeline: ReadonlySignal<Timeline>;
  /** Those who are in the room or invited, admins first and then by name, as far as they are loaded. */
  readonly members: ReadonlySignal<readonly Member[]>;
  readonly moreMembers: ReadonlySignal<boolean>;
  /** Who is typing now, without oneself. Unknown people are left out but counted in `typingCount`. */
  readonly typing: ReadonlySignal<readonly UserRef[]>;
  readonly typingCount: ReadonlySignal<number>;
  /** By user: the seq up to which they have read. Message m is read by u when it is >= m.seq. Not oneself. */
  readonly reads: ReadonlySignal<ReadonlyMap<string, number>>;
  /** What is on its way, in order: shown after the timeline's messages. */
  readonly outbox: ReadonlySignal<readonly OutboxEntry[]>;
}

/** Something to tell once (a toast). `mention` has the message, to jump to. */
export interface Notice {
  id: number;
  kind: "info" | "error" | "mention";
  text: string;
  message: Message | null;
  /** Of mentions: how many they are, and in which rooms. */
  many?: number;
  rooms?: ReadonlySet<string>;
  /** What can be chosen. */
  actions?: readonly { name: string; run: () => void }[];
}

export interface Draft {
  text: string;
  replyTo: string | null;
  attachments: ChosenFile[];
}

export interface Model {
  // State

  /** Null while signed out. */
  readonly me: ReadonlySignal<User | null>;
  /** Whether the browser forbids to keep anything: who signs in stays so until the page is left. */
  readonly nothingKept: boolean;
  readonly signedOutReason: ReadonlySignal<SignedOutReason>;
  readonly connection: ReadonlySignal<ConnectionState>;
  /** Whether rooms, conversations and invitations have been read at least once. */
  readonly listsLoaded: ReadonlySignal<boolean>;
  /** Rooms that one is a member of, by name, with `unread` and `mentions` kept live. */
  readonly rooms: ReadonlySignal<readonly Room[]>;
  /** Conversations, the one with the last message first. */
  readonly conversations: ReadonlySignal<readonly Conversation[]>;
  readonly moreConversations: ReadonlySignal<boolean>;
  /** Rooms that one is invited to: joinRoom accepts, leaveRoom declines. */
  readonly invitations: ReadonlySignal<readonly Room[]>;
  /** Whom one has blocked, by their ids. */
  readonly blocked: ReadonlySignal<ReadonlyMap<string, UserRef>>;
  /** What is open in the main pane, null for nothing. */
  readonly place: ReadonlySignal<Place | null>;
  /** The open room, null while `place` is nothing or a person without a conversation. */
  readonly openedRoom: ReadonlySignal<OpenRoom | null>;
  /** The public room at a `place` that one is not in. */
  readonly offered: ReadonlySignal<PublicRoom | null>;
  /** Who is at a `place` with a userId. */
  readonly person: ReadonlySignal<UserRef | null>;
  /** What is on its way to a `place` with a userId. */
  readonly personOutbox: ReadonlySignal<readonly OutboxEntry[]>;
  readonly notices: ReadonlySignal<readonly Notice[]>;
  /** All that is on its way, to wherever. */
  readonly waiting: ReadonlySignal<readonly OutboxEntry[]>;
  /** The server's events, and calls of operations. */
  readonly link: Pick<Connection, "online" | "call" | "events">;
  /** Asks a route. */
  readonly ask: Rest["ask"];
  /** Tells of the changes of rooms what is loaded later; returns what ends it. */
  watch(watcher: RoomWatcher): () => void;
  /** Messages that were read elsewhere than in a room: whoever wrote them is known then. */
  meet(messages: readonly Message[]): void;
  meetUsers(users: readonly UserRef[]): void;
  /** A membership is as an operation has answered. */
  changed(change: MemberChanged): void;

  /** What somebody tells of themself, once it was asked for (reads a signal). */
  profileOf(userId: string): Profile | null;
  /** What is known of somebody's presence (reads a signal: call it while rendering). Null: nothing known. */
  presenceOf(userId: string): Presence | null;
  /** Somebody who was met anywhere: as a sender, a member, in a search (reads a signal). */
  userOf(userId: string): UserRef | null;
  dismissNotice(id: number): void;

  // Account

  /** What a route answers, to be saved. */
  blob(path: string): Promise<Blob>;
  signUp(username: string, password: string, displayName?: string, invitation?: string): Promise<void>;
  /** With the token of a link. */
  resetPassword(token: string, password: string): Promise<void>;
  signIn(username: string, password: string): Promise<void>;
  signOut(): Promise<void>;
  /** What somebody tells of themself is as an operation has answered. */
  learn(profile: Profile): void;
  askProfile(userId: string): Promise<void>;
  /** An object URL of an avatar. It is cached; do not revoke it. */
  pictureUrl(path: string): Promise<string>;
  deleteAccount(password: string): Promise<void>;
  /** Tries to reach the server at once, when it is `offline`. */
  reconnect(): void;

  // The open room

  /** Opens a room or a conversation that is in the lists; loads its newest messages and first members. */
  openRoom(roomId: string): void;
  /** Opens the conversation with somebody, or a `place` with their userId when there is none yet. */
  startConversation(user: UserRef): Promise<void>;
  closePlace(): void;
  loadOlder(): Promise<void>;
  loadNewer(): Promise<void>;
  /** Sets the timeline to the newest messages. */
  showLatest(): Promise<void>;
  /** Opens the message's room where it stands; sets `timeline.target`. Rejects when it is gone. */
  jumpTo(roomId: string, messageId: string): Promise<void>;
  /** Goes to the first message of the open room after this seq, as `jumpTo` does. */
  jumpAfter(seq: number): Promise<void>;
  /** A message of the open room that may not be loaded, such as one replied to; null when it is gone. */
  findMessage(messageId: string): Promise<Message | null>;
  loadMoreMembers(): Promise<void>;
  /** Everything up to the message with this seq has been seen. Call it freely: it is sent seldom. */
  markRead(roomId: string, seq: number): void;
  /** Call it at each key while there is text; `typingStopped` when the field is empty or left. */
  typing(roomId: string): void;
  typingStopped(roomId: string): void;
  draftOf(place: DraftPlace): Draft;
  /** Kept in this browser. */
  setDraft(place: DraftPlace, draft: Draft): void;
  /** The messages of a room that are being edited. */
  editsOf(roomId: string): Edits;
  /** Kept in this browser; null when it is saved or given up. */
  setEdit(roomId: string, messageId: string, text: string | null): void;

  // Messages

  /**
   * Shows the message at once in the outbox and sends it, now or when online again. Clears the draft. Where the
   * timeline is not at its end, `showLatest` brings it there. `thread`: it is written in the thread that it replies to.
   */
  send(place: Place, draft: Draft, thread?: { alsoToRoom: boolean }): void;
  retry(clientId: string): void;
  discard(clientId: string): void;
  edit(messageId: string, content: string): Promise<void>;
  deleteMessage(messageId: string): Promise<void>;
  react(messageId: string, kind: string): Promise<void>;
  unreact(messageId: string, kind: string): Promise<void>;
  /** Uploads a file to attach to a draft. `onProgress` gets 0 to 1. Aborting rejects with an `AbortError`. */
  upload(file: File, onProgress: (part: number) => void, signal: AbortSignal): Promise<Attachment>;
  /** An object URL of the file or its thumbnail. It is cached; do not revoke it. */
  fileUrl(attachment: Attachment, which?: "original" | "thumbnail"): Promise<string>;

  loadMoreConversations(): Promise<void>;

  // Rooms

  /** These four open the room as well. */
  createRoom(room: { name: string; description?: string; isPrivate?: boolean }): Promise<Room>;
  joinRoom(roomId: string): Promise<Room>;
  joinByLink(token: string): Promise<Room>;
  /** The conversation with several others. */
  openGroup(userIds: string[]): Promise<Room>;
  /** Also declines an invitation. `conflict`: the last admin must name another first. */
  leaveRoom(roomId: string): Promise<void>;
  updateRoom(roomId: string, change: { name?: string; description?: string; isPrivate?: boolean }): Promise<void>;

  // What one chooses for oneself

  /** No direct messages, invitations or mentions come from there any more; nor can one write there. */
  block(userId: string): Promise<void>;
  unblock(userId: string): Promise<void>;
  /** What is unread there no longer counts, or does again. */
  mute(roomId: string, muted: boolean): Promise<void>;
  /** Takes a conversation off the list, until there is something new in it. */
  hide(roomId: string): Promise<void>;
}

const lasting = shelfOr(() => localStorage);
const ofTab = shelfOr(() => sessionStorage);
/** Those of the browser's tabs; where nothing may be kept, a browser does not give its locks either. */
export const locks = lasting.forbidden ? null : (navigator.locks ?? null);

export const model: Model = {
  ...modelOf(new Chat(location.origin, lasting.shelf, locks, ofTab.shelf)),
  nothingKept: lasting.forbidden,
};
