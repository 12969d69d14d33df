/** Blocks somebody, after asking, or no longer does. */

import type { UserRef } from "../client";
import { model } from "../model";
import { announce } from "./announcer";
import { confirm } from "./confirm";
import { nameOf } from "./format";
import { attempt } from "./toasts";

export async function toggleBlock(user: UserRef): Promise<void> {
  const name = nameOf(user);
  if (model.blocked.peek().has(user.id)) {
    if (await attempt(() => model.unblock(user.id))) announce(`${name} is no longer blocked`);
    return;
  }
  const sure = await confirm({
    title: `Block ${name}?`,
    text: `${name} cannot write to you, invite you or mention you any more, nor see whether you are online or typing. `
      + `Nobody tells ${name}. What ${name} writes in rooms that you are both in stays there.`,
    action: "Block",
    danger: true,
  });
  if (sure && await attempt(() => model.block(user.id))) announce(`${name} is blocked`);
}
