/** The page tells what concerns the user: notifications and a sound while nobody looks, toasts, and the tab's picture. */
import { effect, signal, untracked } from "@preact/signals";
import { ChatError, Kept, type Message, type NotificationSettings, type RoomNotifications } from "../client";
import { model } from "../model";
import { shelfOr } from "../shelves";
import { openMessage } from "../ui/links";
import { attentive } from "../ui/media";
import { isMuted } from "../ui/personal";
import { attempt, offer, tell } from "../ui/toasts";
import { choice, decline, isOn, permission, resume, show, supported, takeAway, turnOn } from "./device";
import { showOnFavicon } from "./favicon";
import { concerns, type Heard, inWords, isQuiet, levelIn, shortened, waiting } from "./rules";
import { playSound } from "./sound";

const RECENT = 120_000; // ms: what came long ago is found where it stands, and not told

const kept = new Kept(shelfOr(() => localStorage).shelf);

/** The user's settings, once they are read. */
export const settings = signal<NotificationSettings | null>(null);

/** Whether a sound is played, a choice of this browser. */
export const sound = signal(kept.get<boolean>("sound") ?? false);

/** The levels of rooms, as far as they were asked for. */
const levels = new Map<string, RoomNotifications["level"]>();

/** Whether something would have been told by now, had the user been asked. */
let missed = false;

export function setSound(on: boolean): void {
  sound.value = on;
  kept.set("sound", on);
  if (on) void playSound();
}

/** Call once. */
export function startTelling(): void {
  const { events } = model.link;
  for (const event of ["message:new", "dm:new"] as const) events.on(event, (message) => void heard(message));
  events.on("reply:new", (message) => void heard(message, true));
  events.on("notifications:updated", (changed) => { settings.value = changed; });
  events.on("room:notifications-updated", ({ roomId, level }) => { levels.set(roomId, level); });
  events.on("room:read-updated", (mark) => {
    if (mark.userId === model.me.peek()?.id) void takeAway(mark.roomId, mark.seq);
  });
  navigator.serviceWorker?.addEventListener("message", ({ data: { messageId } }) =>
    void attempt(() => openMessage(messageId)));
  effect(() => {
    const online = model.connection.value.status === "online";
    if (model.me.value === null) forget();
    else if (online) untracked(() => void begin());
  });
  effect(() => {
    const heardOf = model.conversations.value.filter((one) => !isMuted(one));
    const groups = model.rooms.value.filter(({ group, membership }) => group && !isMuted(membership));
    void showOnFavicon(waiting(model.rooms.value.filter(({ group }) => !group), [...heardOf, ...groups]));
  });
  effect(() => { if (attentive.value) untracked(ask); });
}

function forget(): void {
  settings.value = null;
  levels.clear();
  missed = false;
}

async function begin(): Promise<void> {
  levels.clear(); // what was chosen elsewhere meanwhile was not told
  try {
    settings.value = await model.link.call("notifications:get", {});
    await resume();
  } catch (error) {
    if (!(error instanceof ChatError)) throw error;
    console.info("Notifications wait for the next connection:", error.message);
  }
}

async function heard(message: Message, followed = false): Promise<void> {
  const me = model.me.peek();
  if (!me || message.senderId === me.id || Date.now() - Date.parse(message.createdAt) > RECENT) return;
  const known = settings.peek();
  if (!known || model.blocked.peek().has(message.senderId)) return;
  const room = model.rooms.peek().find(({ id }) => id === message.roomId);
  const conversation = model.conversations.peek().find(({ roomId }) => roomId === message.roomId);
  const news: Heard = {
    message,
    room: room && !room.group ? room.name : null,
    named: message.mentions.includes(me.id) || message.groupMention !== null,
    followed,
    muted: (room && isMuted(room.membership)) || (conversation && isMuted(conversation)) || false,
    level: levelIn(known.level, await levelOf(message.roomId)),
  };
  if (!concerns(news) || isQuiet(known, new Date())) return;
  if (attentive.peek()) return toast(news);
  if (sound.peek()) void playSound();
  if (!isOn()) missed = true;
  else {
    const { title, body } = inWords(news, known.content);
    await show(title, body, { roomId: message.roomId, messageId: message.id, seq: message.seq });
  }
}

/** A direct message that comes while one looks at something else; mentions have a notice of their own. */
function toast({ room, message }: Heard): void {
  const place = model.place.peek();
  const here = place && ("roomId" in place ? place.roomId === message.roomId : place.userId === message.senderId);
  if (room !== null || here) return;
  const who = message.sender.displayName || message.sender.username;
  tell(`${who}: “${shortened(message)}”`, "mention", message);
}

async function levelOf(roomId: string): Promise<RoomNotifications["level"]> {
  const known = levels.get(roomId);
  if (known) return known;
  try {
    const { level } = await model.link.call("room:notifications", { roomId });
    levels.set(roomId, level);
    return level;
  } catch (error) {
    if (!(error instanceof ChatError)) throw error;
    return "default"; // the connection was lost meanwhile, or one has left
  }
}

/** One comes back to something that was missed: the moment to ask, once. */
function ask(): void {
  if (!missed || !supported || choice.peek() !== null || permission.peek() === "denied") return;
  missed = false;
  offer("Something came for you while you were away. Get notifications here?", [
    { name: "Turn on", run: () => void attempt(turnOn) },
    { name: "No", run: decline },
  ]);
}
