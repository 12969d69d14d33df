import { model } from "../model";
import { Avatar } from "./avatar";
import { MenuButton } from "./controls";
import { shortNameOf } from "./format";
import { Later } from "./load-later";

const STATUS = { "online": "Online", "connecting": "Connecting…", "offline": "Not connected", "signed-out": "Signed out" };

export function AccountMenu() {
  const me = model.me.value;
  if (!me) return null;
  const { status } = model.connection.value;
  return (
    <div class="self">
      <Avatar user={me} online={status === "online"} />
      <span class="self-name">
        <span class="truncate">{shortNameOf(me)}</span>
        <small>{STATUS[status]}</small>
      </span>
      <MenuButton label="Account">
        {(close) => <Later draw={({ AccountItems }) => <AccountItems close={close} />} />}
      </MenuButton>
    </div>
  );
}
