/** Listeners by event. */

/** What a listener of an event gets; `Events` has the listeners' types, as socket.io-client's do. */
export type PayloadTo<Events, E extends keyof Events> =
  Events[E] extends (payload: infer Payload) => void ? Payload : never;

export class Emitter<Events> {
  readonly #listeners = new Map<keyof Events, Set<(payload: never) => void>>();

  /** Calls a listener at each event of a name. Returns what takes it away. */
  on<E extends keyof Events>(event: E, listener: (payload: PayloadTo<Events, E>) => void): () => void {
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners.add(listener));
    return () => void listeners.delete(listener);
  }

  /** An error of one listener is the program's: it is reported as an uncaught one, and stops neither others nor us. */
  emit<E extends keyof Events>(event: E, payload: PayloadTo<Events, E>): void {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) {
      try {
        listener(payload as never);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
