/** Sends what is in the outbox: for each place one after the other, so that the order stays. */
import type { Calling } from "./connection";
import type { Message, SendableType, Written } from "./contract";
import { ChatError } from "./errors";
import type { Outbox, OutboxEntry, Place } from "./outbox";

const FIRST_WAIT = 1000; // ms; each further one is twice as long
const LONGEST_WAIT = 30_000; // ms

export class Sender {
  /** Places where one is on its way, or waits for its turn to be tried again. */
  readonly #busy = new Set<string>();
  readonly #waits = new Map<string, number>();

  /** `sent` is called once the server has one, `failed` where it does not take it. */
  constructor(
    private readonly outbox: Outbox,
    private readonly link: Calling,
    private readonly sent: (entry: OutboxEntry, message: Message) => void,
    private readonly failed: (entry: OutboxEntry, error: ChatError) => void,
  ) {}

  /** Sends what can be sent now. */
  pump(): void {
    if (!this.link.online) return;
    for (const entry of this.outbox.entries.value) {
      const key = keyOf(entry.place);
      if (entry.state !== "pending" || this.#busy.has(key)) continue;
      this.#busy.add(key);
      void this.#send(entry, key);
    }
  }

  async #send(entry: OutboxEntry, key: string): Promise<void> {
    let wait = 0;
    try {
      const message = await this.#call(entry);
      this.#waits.delete(key);
      this.outbox.update(entry.clientId, { state: "sent" });
      this.sent(entry, message);
    } catch (error) {
      wait = this.#failed(entry, key, error);
    }
    const next = () => {
      this.#busy.delete(key);
      this.pump();
    };
    if (wait) setTimeout(next, wait);
    else next();
  }

  #call(entry: OutboxEntry): Promise<Message> {
    const { place } = entry;
    return "roomId" in place
      ? this.link.call("message:send", { ...payload(entry), roomId: place.roomId })
      : this.link.call("dm:send", { ...payload(entry), receiverId: place.userId });
  }

  /** Returns how many ms to wait before the place's next one. */
  #failed(entry: OutboxEntry, key: string, error: unknown): number {
    if (!(error instanceof ChatError)) throw error;
    if (error.reason === "unauthenticated" || error.reason === "offline") return FIRST_WAIT; // stays until online again
    if (!error.passing) {
      this.outbox.update(entry.clientId, { state: "failed", error: error.message });
      this.failed(entry, error);
      return 0;
    }
    const wait = Math.min(LONGEST_WAIT, 2 * (this.#waits.get(key) ?? FIRST_WAIT / 2));
    this.#waits.set(key, wait);
    return error.retryAfter ?? wait;
  }
}

export function keyOf(place: Place): string {
  return "roomId" in place ? `room.${place.roomId}` : `user.${place.userId}`;
}

function payload({ clientId, content, replyTo, alsoToRoom, attachments, metadata }: OutboxEntry): Written {
  return {
    clientId,
    content,
    ...(replyTo ? { replyTo, ...(alsoToRoom === false ? { alsoToRoom } : {}) } : {}),
    ...(metadata ? { metadata } : {}),
    ...(attachments.length ? { type: typeOf(attachments), attachments: attachments.map(({ id }) => id) } : {}),
  };
}

/** What its attachments make of a message: of one kind all, or files. */
function typeOf(attachments: OutboxEntry["attachments"]): SendableType {
  const kinds = new Set(attachments.map(({ mediaType }) => mediaType.split("/")[0]));
  const [kind] = kinds;
  return kinds.size === 1 && (kind === "image" || kind === "audio" || kind === "video") ? kind : "file";
}
