/** Requests over HTTP: accounts, searches, files. */
import type { Attachment, Reason } from "./contract";
import { ChatError, failure, refused } from "./errors";

const REASONS: Record<number, Reason> = {
  400: "invalid", 401: "unauthenticated", 403: "forbidden", 404: "not_found", 409: "conflict", 413: "too_large",
  422: "invalid", 429: "rate_limited", 503: "unavailable",
};

export interface Asking {
  body?: unknown;
  /** Left out where null or undefined. */
  query?: Record<string, string | number | null | undefined>;
  signal?: AbortSignal | undefined;
}

export class Rest {
  /** The bearer token, once there is one. */
  token: string | null = null;

  constructor(private readonly origin: string) {}

  get<T>(path: string, asking: Asking = {}): Promise<T> {
    return this.#ask<T>("GET", path, asking);
  }

  post<T>(path: string, asking: Asking = {}): Promise<T> {
    return this.#ask<T>("POST", path, asking);
  }

  /** The bytes of a file; `path` as the server gave it. */
  async blob(path: string): Promise<Blob> {
    return (await this.#fetch("GET", path, {})).blob();
  }

  /** Sends a file; `onProgress` gets 0 to 1. Only XMLHttpRequest tells how much has left. */
  upload(file: File, onProgress: (part: number) => void, signal: AbortSignal): Promise<Attachment> {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      const abort = () => request.abort();
      request.open("POST", `${this.origin}/chat/files`);
      if (this.token) request.setRequestHeader("Authorization", `Bearer ${this.token}`);
      request.responseType = "json";
      request.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
      request.onload = () => {
        if (request.status === 201) resolve(request.response as Attachment);
        else reject(errorOf(request.status, request.response as { message: string } | null, request.getResponseHeader("Retry-After")));
      };
      request.onerror = () => reject(failure("offline"));
      request.onabort = () => reject(new DOMException("The upload was stopped", "AbortError"));
      request.onloadend = () => signal.removeEventListener("abort", abort);
      signal.addEventListener("abort", abort);
      const form = new FormData();
      form.append("file", file, file.name);
      request.send(form);
      if (signal.aborted) request.abort();
    });
  }

  async #ask<T>(method: string, path: string, asking: Asking): Promise<T> {
    const response = await this.#fetch(method, path, asking);
    return (response.status === 204 ? undefined : await response.json()) as T;
  }

  async #fetch(method: string, path: string, { body, query = {}, signal }: Asking): Promise<Response> {
    const headers: Record<string, string> = {};
    if (this.token) headers["Authorization"] = `Bearer ${this.token}`;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const wanted = Object.entries(query).flatMap(([name, value]) => (value == null ? [] : [[name, String(value)]]));
    const search = wanted.length ? `?${new URLSearchParams(wanted)}` : "";
    let response: Response;
    try {
      response = await fetch(this.origin + path + search, {
        method, headers, signal: signal ?? null, ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") throw error;
      throw failure("offline");
    }
    if (response.ok) return response;
    const told: unknown = await response.json().catch(() => null); // a proxy's error page is no JSON
    throw errorOf(response.status, told as { message: string } | null, response.headers.get("Retry-After"));
  }
}

function errorOf(status: number, told: { message: string } | null, retryAfter: string | null): ChatError {
  const reason = REASONS[status] ?? "internal";
  return refused({ reason, message: told?.message ?? "", ...(retryAfter ? { retryAfter: Number(retryAfter) * 1000 } : {}) });
}
