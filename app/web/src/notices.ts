/** What is to be told once. */
import { signal } from "@preact/signals";
import type { Message } from "./client";
import { excerpt, toPlain } from "./message-text";
import type { Notice } from "./model";

const MOST = 20;
const LONGEST = 80; // characters of a message

export class Notices {
  readonly all = signal<readonly Notice[]>([]);
  #last = 0;

  tell(kind: Notice["kind"], text: string, message: Message | null = null): void {
    this.all.value = [...this.all.peek(), { id: (this.#last += 1), kind, text, message }].slice(-MOST);
  }

  /** One was mentioned in a room, or with null in a conversation: all mentions that are told at once are one notice. */
  mention(message: Message, room: string | null): void {
    const last = this.all.peek().find(({ kind }) => kind === "mention");
    const rooms = new Set([...(last?.rooms ?? []), message.roomId]);
    const many = (last?.many ?? 0) + 1;
    const notice: Notice = {
      id: last?.id ?? (this.#last += 1), kind: "mention", text: inWords(message, room, many, rooms.size), message, many, rooms,
    };
    this.all.value = [...this.all.peek().filter((other) => other !== last), notice].slice(-MOST);
  }

  forgetAll(): void {
    this.all.value = [];
  }

  dismiss(id: number): void {
    this.all.value = this.all.peek().filter((notice) => notice.id !== id);
  }
}

/** "ann mentioned you in Garden club: “Look here”", or how many did, with the last of them. */
function inWords({ sender, content, attachments }: Message, room: string | null, many: number, rooms: number): string {
  const who = sender.displayName ? `${sender.displayName} @${sender.username}` : sender.username;
  const where = room === null ? "" : ` in ${room}`;
  const text = `“${excerpt(toPlain.peek()(content) || attachments[0]?.name || "", LONGEST)}”`;
  if (many === 1) return `${who} mentioned you${where}: ${text}`;
  if (rooms === 1) return `${many} mentions of you${where}, the last by ${who}: ${text}`;
  return `${many} mentions of you in ${rooms} places, the last by ${who}${where}: ${text}`;
}
