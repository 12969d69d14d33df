/** The model of a chat: its state as signals, and what one can do. */
import { computed } from "@preact/signals";
import type { Chat, RoomWatcher } from "./chat";
import {
  type Attachment, failure, type MemberChanged, type Message, newId, type Place, type Profile, type Room,
  type UserRef,
} from "./client";
import type { DraftPlace } from "./drafts";
import type { Draft, Model } from "./model";

export function modelOf(chat: Chat): Omit<Model, "nothingKept"> {
  return { ...state(chat), ...account(chat), ...openRoom(chat), ...messages(chat), ...finding(chat), ...rooms(chat), ...choices(chat) };
}

function state(chat: Chat) {
  const { account, blocks, connection, lists, people, places, notices, waiting } = chat;
  return {
    me: account.me,
    signedOutReason: account.reason,
    connection,
    listsLoaded: lists.loaded,
    rooms: lists.rooms,
    conversations: lists.conversations,
    moreConversations: computed(() => lists.next.value !== null),
    invitations: lists.invitations,
    blocked: blocks.users,
    place: places.place,
    openedRoom: places.opened,
    offered: places.offered,
    person: places.person,
    personOutbox: computed(() => {
      const place = places.place.value;
      if (!place || "roomId" in place) return [];
      return waiting.value.filter((entry) => "userId" in entry.place && entry.place.userId === place.userId);
    }),
    notices: notices.all,
    waiting,
    link: chat.link,
    ask: chat.rest.ask.bind(chat.rest) as Model["ask"],
    watch: (watcher: RoomWatcher) => chat.watch(watcher),
    meet: (messages: readonly Message[]) => people.meetSenders(messages),
    meetUsers: (users: readonly UserRef[]) => people.meet(users),
    changed: (change: MemberChanged) => chat.changed(change),
    profileOf: (userId: string) => people.profile(userId),
    presenceOf: (userId: string) => people.presence(userId),
    userOf: (userId: string) => people.user(userId),
    dismissNotice: (id: number) => notices.dismiss(id),
  };
}

function account(chat: Chat) {
  const { account, drafts, files, link, outbox, rest } = chat;
  return {
    blob: (path: string) => rest.blob(path),
    signUp: (username: string, password: string, name?: string, invitation?: string) => (
      account.signUp(username, password, name, invitation)
    ),
    resetPassword: (token: string, password: string) => account.resetPassword(token, password),
    signIn: (username: string, password: string) => account.signIn(username, password),
    async signOut() {
      drafts.clear();
      outbox.clear();
      await account.signOut();
    },
    async deleteAccount(password: string) {
      await account.deleteAccount(password);
      drafts.clear();
      outbox.clear();
    },
    learn: (profile: Profile) => chat.learn(profile),
    async askProfile(userId: string) {
      chat.learn(await link.call("user:profile", { userId }));
    },
    pictureUrl: (path: string) => files.url(path),
    reconnect: () => link.reconnect(),
  };
}

function openRoom(chat: Chat) {
  const { places, lists, reading, typing, drafts, follower } = chat;
  const opened = () => {
    const room = places.opened.peek();
    if (!room) throw failure("not_found");
    return room;
  };
  return {
    openRoom(roomId: string) {
      void places.open(roomId);
      void lists.find(roomId);
    },
    async startConversation(user: UserRef) {
      const roomId = await chat.conversationWith(user);
      if (roomId) await places.open(roomId);
      else places.meet(user);
    },
    closePlace: () => places.close(),
    loadOlder: async () => opened().loadOlder(),
    loadNewer: async () => opened().loadNewer(),
    showLatest: async () => opened().showLatest(),
    async jumpTo(roomId: string, messageId: string) {
      void lists.find(roomId);
      await places.open(roomId, messageId);
    },
    jumpAfter: async (seq: number) => opened().jumpAfter(seq),
    findMessage: async (messageId: string) => opened().find(messageId),
    loadMoreMembers: async () => opened().loadMoreMembers(),
    markRead(roomId: string, seq: number) {
      if (!reading.mark(roomId, seq)) return;
      const timeline = places.get(roomId)?.timeline.peek();
      const all = timeline?.atEnd === true && (timeline.messages.at(-1)?.seq ?? Infinity) <= seq;
      lists.markRead(roomId, seq, all && follower.current(roomId));
    },
    typing: (roomId: string) => typing.start(roomId),
    typingStopped: (roomId: string) => typing.stop(roomId),
    draftOf: (place: DraftPlace) => drafts.get(place),
    setDraft: (place: DraftPlace, draft: Draft) => drafts.set(place, draft),
    editsOf: (roomId: string) => drafts.edits(roomId),
    setEdit: (roomId: string, messageId: string, text: string | null) => drafts.setEdit(roomId, messageId, text),
  };
}

function messages(chat: Chat) {
  const { link, outbox, sender, drafts, rest, files, reading } = chat;
  return {
    send(place: Place, { text, replyTo, attachments }: Draft, thread?: { alsoToRoom: boolean }) {
      const full = outbox.full;
      outbox.add({
        clientId: newId(),
        place,
        content: text,
        replyTo,
        ...thread,
        attachments,
        createdAt: new Date().toISOString(),
        state: full ? "failed" : "pending",
        error: full ? "Too many messages are waiting to be sent. Try again when some have left." : null,
      });
      if ("roomId" in place) reading.release(place.roomId); // who answers has read
      drafts.set(thread && replyTo ? { rootId: replyTo } : place, { text: "", replyTo: null, attachments: [] });
      sender.pump();
    },
    retry(clientId: string) {
      outbox.update(clientId, { state: "pending", error: null });
      sender.pump();
    },
    discard: (clientId: string) => outbox.remove(clientId),
    async edit(messageId: string, content: string) {
      const message = await link.call("message:edit", { messageId, content });
      chat.core.changed(message);
    },
    async deleteMessage(messageId: string) {
      const { roomId, ...deleted } = await link.call("message:delete", { messageId });
      chat.follower.receive(roomId, { type: "deleted", ...deleted });
    },
    async react(messageId: string, kind: string) {
      const { roomId, ...updated } = await link.call("reaction:add", { messageId, kind });
      chat.follower.receive(roomId, { type: "reactions", ...updated });
    },
    async unreact(messageId: string, kind: string) {
      const { roomId, ...updated } = await link.call("reaction:remove", { messageId, kind });
      chat.follower.receive(roomId, { type: "reactions", ...updated });
    },
    upload: (file: File, onProgress: (part: number) => void, signal: AbortSignal) =>
      rest.upload(file, onProgress, signal),
    fileUrl: ({ url, thumbnailUrl }: Attachment, which: "original" | "thumbnail" = "original") =>
      files.url(which === "thumbnail" && thumbnailUrl ? thumbnailUrl : url),
  };
}

function finding({ lists }: Chat) {
  return {
    loadMoreConversations: () => lists.readMoreConversations(),
  };
}

function rooms(chat: Chat) {
  const { link, lists, places } = chat;
  const entered = (room: Room) => {
    lists.add(room);
    void places.open(room.id);
    return room;
  };
  return {
    createRoom: async (room: { name: string; description?: string; isPrivate?: boolean }) =>
      entered(await link.call("room:create", room)),
    openGroup: async (userIds: string[]) => entered(await link.call("group:open", { userIds })),
    joinByLink: async (token: string) => entered(await link.call("room:join-link", { token })),
    joinRoom: async (roomId: string) => entered(await link.call("room:join", { roomId })),
    leaveRoom: async (roomId: string) => chat.changed(await link.call("room:leave", { roomId })),
    async updateRoom(roomId: string, change: { name?: string; description?: string; isPrivate?: boolean }) {
      lists.renamed(await link.call("room:update", { roomId, ...change }));
    },
  };
}

function choices(chat: Chat) {
  const { blocks, link, lists } = chat;
  return {
    block: async (userId: string) => blocks.add(await link.call("user:block", { userId })),
    unblock: async (userId: string) => blocks.remove((await link.call("user:unblock", { userId })).userId),
    mute: async (roomId: string, muted: boolean) =>
      lists.chosen(await link.call(muted ? "room:mute" : "room:unmute", { roomId })),
    hide: async (roomId: string) => chat.hidden(await link.call("conversation:hide", { roomId })),
  };
}
