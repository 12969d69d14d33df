/** Where this browser lets the page keep things: it may forbid that, and the page then works without. */
import { memoryShelf, type Shelf } from "./client";

/** What `open` gives, or memory where the browser forbids that. */
export function shelfOr(open: () => Shelf): { shelf: Shelf; forbidden: boolean } {
  try {
    const shelf = open();
    shelf.getItem(""); // some browsers give the shelf and forbid its use
    return { shelf, forbidden: false };
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
    console.info("Nothing is kept in this browser:", error.message);
    return { shelf: memoryShelf(), forbidden: true };
  }
}
