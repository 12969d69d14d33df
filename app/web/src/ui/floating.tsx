/** What lies over the page, wherever one is. */

import { EditHistory } from "./edited-mark";
import { FileDrop } from "./file-drop";
import { MessageMenu } from "./message-menu";

export function Floating() {
  return (
    <>
      <FileDrop />
      <MessageMenu />
      <EditHistory />
    </>
  );
}
