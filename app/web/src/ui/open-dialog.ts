import { signal } from "@preact/signals";
import { onSignedOut } from "./signed-out";

/** Which of the page's dialogs is open. */
export const openDialog = signal<
  "new-room" | "discover" | "new-message" | "mentions" | "threads" | "notifications" | "privacy" | "account"
  | "saved" | "switcher" | "shortcuts" | null
>(null);

export function closeDialog(): void {
  openDialog.value = null;
}

onSignedOut(closeDialog);
