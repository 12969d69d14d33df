/** Messages that the server may not have yet. They are kept in this browser until it has. */
import type { Attachment } from "./contract";
import { newId } from "./ids";
import type { Kept } from "./storage";
import { Watched } from "./watched";

const MOST = 200; // entries
const KEY = "outbox.";

/** Where messages go: a room (direct ones too), or a person with whom there is no conversation yet. */
export type Place = { roomId: string } | { userId: string };

/** A message that the server has not yet been seen to have. */
export interface OutboxEntry {
  clientId: string;
  place: Place;
  content: string;
  replyTo: string | null;
  /** False: a reply that is to stand in its thread alone. */
  alsoToRoom?: boolean;
  attachments: Attachment[];
  metadata?: Record<string, unknown> | null;
  /** RFC 3339, of this device. */
  createdAt: string;
  /** `sent`: the server has it. `failed`: the server does not take it. */
  state: "pending" | "sent" | "failed";
  /** With `failed`: a sentence. */
  error: string | null;
}

/** What is needed of `navigator.locks`. */
export interface Locks {
  request(name: string, held: () => unknown): Promise<unknown>;
}

/**
 * Each tab keeps what was written in it under a key of its own, and holds a lock of that name while it lives.
 * What a closed or reloaded tab leaves behind goes to the first that gets its lock; where there are no locks
 * (a page that is not served securely) to the first that comes: sent twice, it is still one message by `clientId`.
 */
export class Outbox {
  readonly entries = new Watched<readonly OutboxEntry[]>([]);
  readonly #tab = newId();
  #user: string | null = null;
  readonly #awaited = new Set<string>();

  /** `adopted` is called when others' messages were taken up, to be sent. */
  constructor(private readonly kept: Kept, private readonly locks: Locks | null, private readonly adopted: () => void) {
    if (!locks) return;
    void locks.request(`parley.${this.#tab}`, () => new Promise(() => {})); // until the tab ends
    kept.watch((key) => this.#inherit(key));
  }

  /** Takes up what this user left behind. */
  open(user: string): void {
    this.close();
    this.#user = user;
    this.entries.value = this.kept.get<OutboxEntry[]>(this.#key) ?? []; // of the same user, before a session ended
    for (const key of this.kept.keys(`${KEY}${user}.`)) this.#inherit(key);
  }

  /** Shows none any more; what is kept stays. */
  close(): void {
    this.#user = null;
    this.#awaited.clear();
    this.entries.value = [];
  }

  /** Forgets for good what the user has not sent. */
  clear(): void {
    for (const key of this.kept.keys(`${KEY}${this.#user}.`)) this.kept.remove(key);
    this.close();
  }

  get full(): boolean {
    return this.entries.value.length >= MOST;
  }

  add(entry: OutboxEntry): void {
    this.#set([...this.entries.value, entry]);
  }

  update(clientId: string, change: Partial<OutboxEntry>): void {
    this.#set(this.entries.value.map((entry) => (entry.clientId === clientId ? { ...entry, ...change } : entry)));
  }

  remove(...clientIds: string[]): void {
    const left = this.entries.value.filter((entry) => !clientIds.includes(entry.clientId));
    if (left.length < this.entries.value.length) this.#set(left);
  }

  get(clientId: string): OutboxEntry | undefined {
    return this.entries.value.find((entry) => entry.clientId === clientId);
  }

  #set(entries: readonly OutboxEntry[]): void {
    this.entries.value = entries;
    const unsent = entries.filter(({ state }) => state !== "sent");
    if (unsent.length) this.kept.set(this.#key, unsent);
    else this.kept.remove(this.#key);
  }

  get #key(): string {
    return `${KEY}${this.#user}.${this.#tab}`;
  }

  #inherit(key: string): void {
    const [, tab] = key.startsWith(`${KEY}${this.#user}.`) ? key.slice(KEY.length).split(".") : [];
    if (!this.#user || !tab || tab === this.#tab || this.#awaited.has(key)) return;
    if (!this.locks) return this.#adopt(key);
    this.#awaited.add(key);
    void this.locks.request(`parley.${tab}`, () => {
      this.#awaited.delete(key);
      this.#adopt(key);
    });
  }

  #adopt(key: string): void {
    if (!this.#user || !key.startsWith(`${KEY}${this.#user}.`)) return;
    const left = this.kept.get<OutboxEntry[]>(key) ?? [];
    this.kept.remove(key);
    const fresh = left.filter(({ clientId }) => !this.get(clientId));
    if (!fresh.length) return;
    const all = [...fresh, ...this.entries.value];
    this.#set(all.sort((a, b) => a.createdAt.localeCompare(b.createdAt)));
    this.adopted();
  }
}
