/** What lies over the page, wherever one is. */

import { FileDrop } from "./file-drop";
import { MessageMenu } from "./message-menu";

export function Floating() {
  return (
    <>
      <FileDrop />
      <MessageMenu />
    </>
  );
}
