/** What was begun and not sent, by place, kept in this browser. */
import { keyOf, type Kept, type Place } from "./client";
import type { Draft } from "./model";

const NOTHING: Draft = { text: "", replyTo: null, attachments: [] };

export class Drafts {
  constructor(private readonly kept: Kept, private readonly me: () => string) {}

  get(place: Place): Draft {
    return { ...NOTHING, ...this.kept.get<Draft>(this.#key(place)) };
  }

  set(place: Place, draft: Draft): void {
    if (draft.text || draft.replyTo || draft.attachments.length) this.kept.set(this.#key(place), draft);
    else this.kept.remove(this.#key(place));
  }

  /** What was begun to a person goes on in the conversation with them. */
  move(from: Place, to: Place): void {
    const draft = this.get(from);
    if (!draft.text && !draft.attachments.length) return;
    this.set(to, draft);
    this.set(from, NOTHING);
  }

  /** Forgets all of this user's. */
  clear(): void {
    for (const key of this.kept.keys(`draft.${this.me()}.`)) this.kept.remove(key);
  }

  #key(place: Place): string {
    return `draft.${this.me()}.${keyOf(place)}`;
  }
}
