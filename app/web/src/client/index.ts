/**
 * A client of Parley without user interface.
 *
 * `ParleyClient` is all that most programs need. The page is made of the parts below it, which decide themselves what
 * is loaded of a room and when.
 */
export { ParleyClient } from "./client";
export type { NewMessage, ParleyEvents, ParleyOptions } from "./client";
export { Connection } from "./connection";
export type { Calling, ConnectionHooks, ConnectionState } from "./connection";
export type * from "./contract";
export { Core } from "./core";
export type { CoreHooks } from "./core";
export { Emitter } from "./emitter";
export type { PayloadTo } from "./emitter";
export { ChatError, failure, inWords, refused } from "./errors";
export type { FailureReason } from "./errors";
export type { RoomEvents } from "./feed";
export { Follower } from "./follower";
export type { RoomHooks } from "./follower";
export { newId } from "./ids";
export { Log } from "./log";
export type { Change } from "./log";
export { Outbox } from "./outbox";
export type { Locks, OutboxEntry, Place } from "./outbox";
export { Rest } from "./rest";
export type { Route } from "./rest";
export { keyOf, Sender } from "./sender";
export { Kept, memoryShelf } from "./storage";
export type { Shelf } from "./storage";
export { Typing } from "./typing";
export { Watched } from "./watched";
export { applyChange, applying, edge, EMPTY, mayGoOn, withPage } from "./window";
export type { Direction, HistoryPage, Window } from "./window";
