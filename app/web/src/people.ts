/** Everybody who was met, and who of them is there. */
import { signal } from "@preact/signals";
import {
  type Calling, ChatError, type Conversation, type Member, type Message, type Presence, type Profile, type UserRef,
} from "./client";

const SETTLE = 300; // ms: one question for many
const MOST = 100; // people in one question

export class People {
  readonly #wanted = new Set<string>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #users = signal<ReadonlyMap<string, UserRef>>(new Map());
  readonly #presence = signal<ReadonlyMap<string, Presence>>(new Map());

  readonly #profiles = signal<ReadonlyMap<string, Profile>>(new Map());

  constructor(private readonly link: Calling) {}

  /** Reads a signal. */
  user(id: string): UserRef | null {
    return this.#users.value.get(id) ?? null;
  }

  /** Reads a signal. */
  presence(id: string): Presence | null {
    return this.#presence.value.get(id) ?? null;
  }

  /** Reads a signal; null until `learn`. */
  profile(id: string): Profile | null {
    return this.#profiles.value.get(id) ?? null;
  }

  learn(profile: Profile): void {
    this.meet([profile.user]);
    this.#profiles.value = new Map([...this.#profiles.peek(), [profile.user.id, profile]]);
  }

  meet(users: Iterable<UserRef>): void {
    const known = this.#users.peek();
    const fresh = [...users].filter((user) => !same(known.get(user.id), user));
    if (fresh.length) this.#users.value = new Map([...known, ...fresh.map((user) => [user.id, user] as const)]);
  }

  meetSenders(messages: Iterable<Message>): void {
    this.meet(Array.from(messages, (message) => message.sender));
  }

  meetMembers(members: readonly Member[]): void {
    this.meet(members.map((member) => member.user));
    const shown = members.flatMap(({ presence }) => presence ?? []);
    this.tell(shown);
  }

  meetConversations(conversations: readonly Conversation[]): void {
    this.meet(conversations.map(({ user }) => user));
    this.tell(conversations.flatMap(({ presence }) => presence ?? []));
  }

  tell(presences: readonly Presence[]): void {
    if (!presences.length) return;
    const told = presences.map((presence) => [presence.userId, presence] as const);
    this.#presence.value = new Map([...this.#presence.peek(), ...told]);
  }

  /** The server's list of who is online: whoever is not in it has gone. */
  tellAll(online: readonly Presence[]): void {
    const gone = [...this.#presence.peek().values()].map((presence): Presence => ({ ...presence, status: "offline" }));
    this.#presence.value = new Map([...gone, ...online].map((presence) => [presence.userId, presence]));
  }

  /** Asks for the presence of people whom one begins to share a room with: nobody tells it then. */
  ask(userIds: Iterable<string>): void {
    for (const id of userIds) this.#wanted.add(id);
    if (this.#wanted.size) this.#timer ??= setTimeout(() => void this.#ask(), SETTLE);
  }

  async #ask(): Promise<void> {
    this.#timer = undefined;
    const asked = [...this.#wanted].slice(0, MOST);
    for (const id of asked) this.#wanted.delete(id);
    try {
      this.tell(await this.link.call("presence:get", { userIds: asked }));
    } catch (error) {
      if (!(error instanceof ChatError)) throw error; // it stays unknown until it changes
    }
    this.ask([]);
  }

  forget(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#wanted.clear();
    this.#users.value = this.#profiles.value = new Map();
    this.#presence.value = new Map();
  }
}

function same(one: UserRef | undefined, other: UserRef): boolean {
  return one?.username === other.username && one.displayName === other.displayName && one.avatar === other.avatar;
}
