/** What is kept in this browser, as JSON. */

/** Where text is kept by key: localStorage, or a Map in tests. */
export type Shelf = Pick<Storage, "getItem" | "setItem" | "removeItem" | "key" | "length">;

/** A shelf that is gone when the program ends. */
export function memoryShelf(): Shelf {
  const values = new Map<string, string>();
  return {
    getItem: (key) => values.get(key) ?? null,
    setItem: (key, value) => void values.set(key, value),
    removeItem: (key) => void values.delete(key),
    key: (index) => [...values.keys()][index] ?? null,
    get length() {
      return values.size;
    },
  };
}

const PREFIX = "parley.";

export class Kept {
  constructor(private readonly shelf: Shelf) {}

  /** The value, or null when there is none that can be read. */
  get<T>(key: string): T | null {
    const text = this.shelf.getItem(PREFIX + key);
    if (text === null) return null;
    try {
      return JSON.parse(text) as T;
    } catch {
      this.remove(key); // written by something else; it would be in the way for ever
      return null;
    }
  }

  /** Keeps a value. Returns whether there was room for it: a browser's quota is not ours to choose. */
  set(key: string, value: unknown): boolean {
    try {
      this.shelf.setItem(PREFIX + key, JSON.stringify(value));
      return true;
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      return false;
    }
  }

  remove(key: string): void {
    this.shelf.removeItem(PREFIX + key);
  }

  keys(start: string): string[] {
    const found: string[] = [];
    for (let index = 0; index < this.shelf.length; index += 1) {
      const key = this.shelf.key(index);
      if (key?.startsWith(PREFIX + start)) found.push(key.slice(PREFIX.length));
    }
    return found;
  }

  /** Calls back when another tab has changed a key. */
  watch(changed: (key: string) => void): void {
    globalThis.window?.addEventListener("storage", (event) => {
      if (event.storageArea === this.shelf && event.key?.startsWith(PREFIX)) changed(event.key.slice(PREFIX.length));
    });
  }
}
