/** Files on their way up, kept in this browser until they are there, so that a reload goes on with them. */
import type { Locks } from "./client";
import type { DraftPlace } from "./drafts";

const STORE = "uploads";

export interface KeptUpload {
  id: string;
  userId: string;
  place: DraftPlace;
  /** The turn in which it was chosen. */
  turn: number;
  file: File;
}

/** All of it is best effort: where the browser forbids or lacks it, a reload ends an upload. */
export class KeptUploads {
  #database: Promise<IDBDatabase> | null = null;

  constructor(private readonly locks: Locks | null) {}

  async add(upload: KeptUpload): Promise<void> {
    await this.#do("readwrite", (store) => store.put(upload));
  }

  async remove(id: string): Promise<void> {
    await this.#do("readwrite", (store) => store.delete(id));
  }

  async get(id: string): Promise<KeptUpload | undefined> {
    return this.#do<KeptUpload>("readonly", (store) => store.get(id) as IDBRequest<KeptUpload>);
  }

  /** Those of a user, in the turn in which they were chosen. */
  async of(userId: string): Promise<KeptUpload[]> {
    const all = await this.#do<KeptUpload[]>("readonly", (store) => store.getAll() as IDBRequest<KeptUpload[]>);
    return (all ?? []).filter((upload) => upload.userId === userId).sort((a, b) => a.turn - b.turn);
  }

  /** Runs while no other tab does so for the same upload; one whose tab was closed or loaded again is free. */
  async alone(id: string, run: () => Promise<void>): Promise<void> {
    if (this.locks) await this.locks.request(`parley.upload.${id}`, run);
    else await run();
  }

  async #do<T>(mode: IDBTransactionMode, run: (store: IDBObjectStore) => IDBRequest): Promise<T | undefined> {
    try {
      this.#database ??= open();
      const database = await this.#database;
      return await done<T>(run(database.transaction(STORE, mode).objectStore(STORE)));
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      console.info("A reload would end this upload:", error.message);
      return undefined;
    }
  }
}

function open(): Promise<IDBDatabase> {
  if (!globalThis.indexedDB) throw new DOMException("This browser keeps no files");
  const request = indexedDB.open("parley", 1);
  request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "id" });
  return done(request);
}

function done<T>(request: IDBRequest): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result as T);
    request.onerror = () => reject(request.error ?? new DOMException("The store gave no reason"));
  });
}
