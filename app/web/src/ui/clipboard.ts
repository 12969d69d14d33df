import { tell } from "./toasts";

/** Copies a text, and says so; or that the browser does not let the page do it, as where that is not served securely. */
export async function copy(text: string, done = "Copied."): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    tell(done);
  } catch (error) {
    console.info("Nothing is copied:", error);
    tell("Your browser does not let the page copy.", "error");
  }
}
