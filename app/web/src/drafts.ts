/** What was begun and not sent or saved, by place, kept in this browser. */
import { keyOf, type Kept, type Place } from "./client";
import type { Draft } from "./model";

const NOTHING: Draft = { text: "", replyTo: null, attachments: [] };
const DRAFT = "draft.";
const EDIT = "edit.";
const FORGET = "forget"; // written and taken away, so that other tabs hear of it

/** Where one writes: a place, or a thread. */
export type DraftPlace = Place | { rootId: string };

/** Messages that are being edited: the text as it stands, by the message's id. */
export type Edits = Readonly<Record<string, string>>;

/**
 * Each tab has a draft of its own, also after a reload. What was written last in any of them is kept for the next tab
 * that is opened, until the tab that wrote it has sent it.
 */
export class Drafts {
  /** `kept` is for all tabs, `tab` for this one. */
  constructor(private readonly kept: Kept, private readonly tab: Kept, private readonly me: () => string) {
    kept.watch((key) => key === FORGET && this.#forgetTab());
    globalThis.window?.addEventListener("pagehide", () => this.#leave());
  }

  get(place: DraftPlace): Draft {
    const key = this.#key(place);
    return { ...NOTHING, ...(this.tab.get<Draft>(key) ?? this.kept.get<Draft>(key)) };
  }

  set(place: DraftPlace, draft: Draft): void {
    const key = this.#key(place);
    const before = this.get(place);
    this.tab.set(key, draft);
    if (!isEmpty(draft)) this.kept.set(key, draft);
    else if (same({ ...NOTHING, ...this.kept.get<Draft>(key) }, before)) this.kept.remove(key);
  }

  /** What was begun to a person goes on in the conversation with them. */
  move(from: Place, to: Place): void {
    const draft = this.get(from);
    if (!draft.text && !draft.attachments.length) return;
    this.set(to, draft);
    this.set(from, NOTHING);
  }

  edits(roomId: string): Edits {
    return this.kept.get<Edits>(this.#editKey(roomId)) ?? {};
  }

  /** `text` null: it is saved, or given up. */
  setEdit(roomId: string, messageId: string, text: string | null): void {
    const { [messageId]: _, ...others } = this.edits(roomId);
    const edits = text === null ? others : { ...others, [messageId]: text };
    if (Object.keys(edits).length) this.kept.set(this.#editKey(roomId), edits);
    else this.kept.remove(this.#editKey(roomId));
  }

  /** Forgets all of this user's, in all tabs. */
  clear(): void {
    for (const start of [DRAFT, EDIT]) {
      for (const key of this.kept.keys(`${start}${this.me()}.`)) this.kept.remove(key);
    }
    this.#forgetTab();
    this.kept.set(FORGET, true);
    this.kept.remove(FORGET);
  }

  #forgetTab(): void {
    for (const key of this.tab.keys(DRAFT)) this.tab.remove(key);
  }

  /** The tab may be closed for good: what only it has is for the next one. */
  #leave(): void {
    for (const key of this.me() ? this.tab.keys(`${DRAFT}${this.me()}.`) : []) {
      const draft = this.tab.get<Draft>(key);
      if (draft && !isEmpty(draft) && this.kept.get(key) === null) this.kept.set(key, draft);
    }
  }

  #key(place: DraftPlace): string {
    return `${DRAFT}${this.me()}.${"rootId" in place ? `thread.${place.rootId}` : keyOf(place)}`;
  }

  #editKey(roomId: string): string {
    return `${EDIT}${this.me()}.${roomId}`;
  }
}

function isEmpty({ text, replyTo, attachments }: Draft): boolean {
  return !text && !replyTo && attachments.length === 0;
}

function same(one: Draft, other: Draft): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
