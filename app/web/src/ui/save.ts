/** Saves what a route answers as a file. */
import type { Rest } from "../client";

const KEPT_MS = 60_000; // the browser reads it after the click

export async function save(rest: Rest, path: string, name: string): Promise<void> {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await rest.blob(path));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), KEPT_MS);
}
