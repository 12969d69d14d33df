/** Everybody who was met, and who of them is there. */
import { signal } from "@preact/signals";
import type { Member, Message, Presence, UserRef } from "./contract";

export class People {
  readonly #users = signal<ReadonlyMap<string, UserRef>>(new Map());
  readonly #presence = signal<ReadonlyMap<string, Presence>>(new Map());

  /** Reads a signal. */
  user(id: string): UserRef | null {
    return this.#users.value.get(id) ?? null;
  }

  /** Reads a signal. */
  presence(id: string): Presence | null {
    return this.#presence.value.get(id) ?? null;
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
    const shown = members.flatMap(({ userId, presence }) => (presence ? [{ userId, ...presence }] : []));
    this.tell(shown);
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

  forget(): void {
    this.#users.value = new Map();
    this.#presence.value = new Map();
  }
}

function same(one: UserRef | undefined, other: UserRef): boolean {
  return one?.username === other.username && one.displayName === other.displayName && one.avatar === other.avatar;
}
