/** Requests over HTTP: accounts, searches, files. */
import type { Attachment, Reason, Routes } from "./contract";
import { ChatError, failure, refused } from "./errors";

const FILES = "/chat/files";
const REASONS: Record<number, Reason> = {
  400: "invalid", 401: "unauthenticated", 403: "forbidden", 404: "not_found", 409: "conflict", 413: "too_large",
  422: "invalid", 429: "rate_limited", 503: "unavailable",
};

/** The routes: a method, and a path that may have parameters. */
export type Route = keyof Routes;

export class Rest {
  /** The bearer token, once there is one. */
  token: string | null = null;

  constructor(private readonly origin: string) {}

  /** Asks for what a route does. Of a GET's payload is left out what is null or undefined. */
  async ask<R extends Route>(
    route: R, payload: Parameters<Routes[R]>[0], signal?: AbortSignal,
  ): Promise<ReturnType<Routes[R]>> {
    const [method, pattern] = route.split(" ") as [string, string];
    const path = pattern.replace(/{(\w+)}/g, (_, name: string) => encodeURIComponent((payload as Record<string, string>)[name]!));
    const response = method === "GET"
      ? await this.#fetch(method, path + queryOf(payload), null, signal)
      : await this.#fetch(method, path, JSON.stringify(payload), signal);
    return (response.status === 204 ? undefined : await response.json()) as ReturnType<Routes[R]>;
  }

  /** The bytes of a file; `path` as the server gave it. */
  async blob(path: string): Promise<Blob> {
    return (await this.#fetch("GET", path, null)).blob();
  }

  /** Sends a file. */
  async post(file: Blob, name: string, signal?: AbortSignal): Promise<Attachment> {
    return (await (await this.#fetch("POST", FILES, formOf(file, name), signal)).json()) as Attachment;
  }

  /** Sends a file, in browsers; `onProgress` gets 0 to 1. Only XMLHttpRequest tells how much has left. */
  upload(file: File, onProgress: (part: number) => void, signal: AbortSignal): Promise<Attachment> {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      const abort = () => request.abort();
      request.open("POST", this.origin + FILES);
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
      request.send(formOf(file, file.name));
      if (signal.aborted) request.abort();
    });
  }

  async #fetch(method: string, path: string, body: string | FormData | null, signal?: AbortSignal): Promise<Response> {
    const headers: Record<string, string> = {};
    if (this.token) headers["Authorization"] = `Bearer ${this.token}`;
    if (typeof body === "string") headers["Content-Type"] = "application/json";
    let response: Response;
    try {
      response = await fetch(this.origin + path, { method, headers, body, signal: signal ?? null });
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") throw error;
      throw failure("offline");
    }
    if (response.ok) return response;
    const told: unknown = await response.json().catch(() => null); // a proxy's error page is no JSON
    throw errorOf(response.status, told as { message: string } | null, response.headers.get("Retry-After"));
  }
}

function queryOf(payload: object): string {
  const wanted = Object.entries(payload).flatMap(([name, value]) => (value == null ? [] : [[name, String(value)]]));
  return wanted.length ? `?${new URLSearchParams(wanted)}` : "";
}

function formOf(file: Blob, name: string): FormData {
  const form = new FormData();
  form.append("file", file, name);
  return form;
}

function errorOf(status: number, told: { message: string } | null, retryAfter: string | null): ChatError {
  const reason = REASONS[status] ?? "internal";
  return refused({ reason, message: told?.message ?? "", ...(retryAfter ? { retryAfter: Number(retryAfter) * 1000 } : {}) });
}
