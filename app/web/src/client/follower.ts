/** Follows the logs of all rooms: hands on each change in its turn, and asks for what did not come. */
import type { Calling } from "./connection";
import type { Changes, Room } from "./contract";
import { ChatError, type FailureReason } from "./errors";
import { Log, type Change } from "./log";

const GRACE = 250; // ms: instances of the server may announce out of order
const AGAIN_AFTER = 2000; // ms
const MOST = 500; // changes: more are not worth to be applied one by one

/** What the server says of a room that is not, or no longer, open to one; `invalid`: no room has such an id. */
const OUT = new Set<FailureReason>(["not_a_member", "not_found", "forbidden", "invalid"]);

export interface RoomHooks {
  /** Changes to apply, in order; those of a sync may have been applied before. */
  deliver(roomId: string, changes: readonly Change[]): void;
  /** Whether its messages are loaded, and must go on without a gap. */
  isOpen(roomId: string): boolean;
  /** Too much was missed: what is loaded is to be read anew. Without this hook all of it is read, page by page. */
  reload?(roomId: string): void;
  /** A room that is not followed is to be read anew: `known` or `follow` will be called with its number. */
  refresh(roomId: string): void;
  /** One is no longer in it. */
  gone(roomId: string): void;
}

export class Follower {
  readonly #logs = new Map<string, Log>();
  readonly #waits = new Map<string, ReturnType<typeof setTimeout>>();
  readonly #syncing = new Map<string, Promise<void>>();

  constructor(private readonly link: Calling, private readonly hooks: RoomHooks) {}

  /** The number up to which everything of a room has been applied. */
  applied(roomId: string): number {
    return this.#logs.get(roomId)?.applied ?? 0;
  }

  /** Whether all that is known to be there has been applied. */
  current(roomId: string): boolean {
    return this.#logs.get(roomId)?.behind === false;
  }

  /** Whether changes are applied as they come: not before it is known from where on, nor while some are missing. */
  following(roomId: string): boolean {
    return this.#logs.get(roomId)?.following === true;
  }

  /** Follows a room from a number on. */
  follow(roomId: string, seq: number): void {
    this.#deliver(roomId, this.#log(roomId).startAt(seq));
  }

  /** The rooms that were heard of and are not followed yet, each with the number before the first change heard. */
  heard(): [roomId: string, seq: number][] {
    return [...this.#logs].flatMap(([roomId, { started, beforeWaiting }]) =>
      started || beforeWaiting === null ? [] : [[roomId, beforeWaiting]]);
  }

  /** Takes a live change. It waits where the room is not known yet, such as a conversation that is not listed. */
  receive(roomId: string, change: Change): void {
    const log = this.#log(roomId);
    this.#deliver(roomId, log.receive(change));
    if (log.behind) this.#ask(roomId, GRACE);
  }

  /** The server's lists show a room as it is at number `lastSeq`. */
  known(roomId: string, lastSeq: number): void {
    const log = this.#log(roomId);
    log.told = Math.max(log.told, lastSeq);
    const missed = !log.started || log.applied < lastSeq || this.#syncing.has(roomId);
    if (!missed || !this.hooks.isOpen(roomId)) this.#deliver(roomId, log.startAt(lastSeq));
    if (log.behind) this.#ask(roomId, GRACE);
  }

  /** The server's log of a room has come to `lastSeq`, and not all of it was announced. */
  syncNeeded(roomId: string, lastSeq: number): void {
    const log = this.#log(roomId);
    log.told = Math.max(log.told, lastSeq);
    if (log.behind) this.#ask(roomId, GRACE);
  }

  /** Brings an open room up to date. One at a time: who comes meanwhile waits for the same. */
  sync(roomId: string): Promise<void> {
    const running = this.#syncing.get(roomId);
    if (running) return running;
    const started = this.#sync(roomId, this.#log(roomId)).finally(() => this.#syncing.delete(roomId));
    this.#syncing.set(roomId, started);
    return started;
  }

  /** The connection is lost, and with it the turn of things. */
  lose(): void {
    for (const log of this.#logs.values()) log.lose();
    for (const wait of this.#waits.values()) clearTimeout(wait);
    this.#waits.clear();
  }

  forget(roomId: string): void {
    this.#logs.delete(roomId);
    clearTimeout(this.#waits.get(roomId));
    this.#waits.delete(roomId);
  }

  forgetAll(): void {
    for (const roomId of [...this.#logs.keys()]) this.forget(roomId);
  }

  async #sync(roomId: string, log: Log): Promise<void> {
    let answer: Changes | Room;
    try {
      // One that was opened before the lists were read begins with what there is now.
      answer = log.started
        ? await this.link.call("room:sync", { roomId, afterSeq: log.applied, limit: MOST })
        : await this.link.call("room:get", { roomId });
    } catch (error) {
      if (!(error instanceof ChatError)) throw error;
      if (OUT.has(error.reason)) this.hooks.gone(roomId);
      else if (error.reason === "conflict") this.#startAnew(roomId);
      else if (error.reason !== "offline") this.#ask(roomId, error.retryAfter ?? AGAIN_AFTER);
      return; // offline: all is asked for again when the connection is back
    }
    if (log !== this.#logs.get(roomId)) return;
    if ("changes" in answer && !(answer.hasMore && this.hooks.reload)) {
      this.#deliver(roomId, log.catchUp(answer));
      if (answer.hasMore) return this.#sync(roomId, log);
    } else this.#begin(roomId, log, answer.lastSeq);
    if (log.gap) this.#ask(roomId, AGAIN_AFTER);
  }

  /** The server's log has not come to where ours is, so it is another one: its database was restored, say. */
  #startAnew(roomId: string): void {
    this.forget(roomId);
    this.hooks.refresh(roomId);
  }

  /** Follows from a number on; what is loaded is read anew, from now on, so that it misses nothing. */
  #begin(roomId: string, log: Log, lastSeq: number): void {
    this.hooks.reload?.(roomId);
    this.#deliver(roomId, log.startAt(lastSeq));
  }

  #ask(roomId: string, after: number): void {
    if (this.#waits.has(roomId)) return;
    const ask = () => {
      this.#waits.delete(roomId);
      const log = this.#logs.get(roomId);
      if (!log?.behind) return;
      if (this.hooks.isOpen(roomId)) void this.sync(roomId);
      else this.hooks.refresh(roomId);
    };
    this.#waits.set(roomId, setTimeout(ask, after));
  }

  #deliver(roomId: string, changes: readonly Change[]): void {
    if (changes.length) this.hooks.deliver(roomId, changes);
  }

  #log(roomId: string): Log {
    let log = this.#logs.get(roomId);
    if (!log) this.#logs.set(roomId, (log = new Log()));
    return log;
  }
}
