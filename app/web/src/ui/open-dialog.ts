import { signal } from "@preact/signals";

/** Which of the page's dialogs is open. */
export const openDialog = signal<"new-room" | "discover" | "new-message" | null>(null);

export function closeDialog(): void {
  openDialog.value = null;
}
