/** Attachments as object URLs: an <img> cannot send the token that a file asks for. */
const MOST = 150_000_000; // bytes that are kept at hand

export class Files {
  /** The one used longest ago first. */
  readonly #cache = new Map<string, { url: Promise<string>; size: number }>();
  #held = 0;

  constructor(private readonly fetchBlob: (path: string) => Promise<Blob>) {}

  /** The object URL of the file at a path. */
  url(path: string): Promise<string> {
    const known = this.#cache.get(path);
    if (known) {
      this.#cache.delete(path);
      this.#cache.set(path, known);
      return known.url;
    }
    const entry = { url: this.#fetch(path), size: 0 };
    this.#cache.set(path, entry);
    return entry.url;
  }

  forgetAll(): void {
    for (const path of [...this.#cache.keys()]) this.#drop(path);
  }

  async #fetch(path: string): Promise<string> {
    try {
      const blob = await this.fetchBlob(path);
      const entry = this.#cache.get(path);
      if (entry) {
        entry.size = blob.size;
        this.#held += blob.size;
      }
      for (const [oldest] of this.#cache) {
        if (this.#held <= MOST || oldest === path) break;
        this.#drop(oldest);
      }
      return URL.createObjectURL(blob);
    } catch (error) {
      this.#cache.delete(path);
      throw error;
    }
  }

  #drop(path: string): void {
    const entry = this.#cache.get(path);
    this.#cache.delete(path);
    if (!entry) return;
    this.#held -= entry.size;
    entry.url.then((url) => URL.revokeObjectURL(url), () => undefined); // one that failed has none
  }
}
