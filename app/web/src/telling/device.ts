/** Notifications of this browser: the permission, the service worker that shows them, and the subscription to pushes. */
import { signal } from "@preact/signals";
import { Kept } from "../client";
import { model } from "../model";
import { shelfOr } from "../shelves";

const kept = new Kept(shelfOr(() => localStorage).shelf);
const CHOICE = "notify"; // the key under which the user's choice is kept: "on", "off", or nothing

/** Of a notification: which message it is of. */
export interface Told {
  roomId: string;
  messageId: string;
  seq: number;
}

/** Whether this browser can show any; none can on a page that is not served securely. */
export const supported = "serviceWorker" in navigator && "Notification" in globalThis;

/** What the user has chosen for this browser. */
export const choice = signal<"on" | "off" | null>(kept.get(CHOICE));

/** Whether the browser lets the page: where it is "denied", the page cannot even ask. */
export const permission = signal<NotificationPermission>(supported ? Notification.permission : "denied");

/** Whether pushes reach this browser also when the page is closed. */
export const pushes = signal(false);

/** Whether to show notifications here. */
export const isOn = (): boolean => choice.value === "on" && permission.value === "granted";

/** Asks for the permission, which only a press of the user may begin. */
export async function turnOn(): Promise<void> {
  permission.value = await Notification.requestPermission();
  if (permission.value !== "granted") return;
  choose("on");
  await resume();
}

export async function turnOff(): Promise<void> {
  choose("off");
  pushes.value = false;
  const registration = await navigator.serviceWorker.getRegistration();
  const subscription = await registration?.pushManager?.getSubscription();
  if (!subscription) return;
  const id = kept.get<string>("push");
  await subscription.unsubscribe();
  kept.remove("push");
  if (id) await model.ask("DELETE /chat/push/{subscriptionId}", { subscriptionId: id });
}

/** The user does not want to be asked again. */
export function decline(): void {
  choose("off");
}

/** At each start of a session: the same endpoint is the same device to the server. */
export async function resume(): Promise<void> {
  if (!supported || !isOn()) return;
  const registration = await navigator.serviceWorker.register("/sw.js");
  if (!registration.pushManager) return;
  const { vapidPublicKey } = await model.ask("GET /chat/push", {});
  const subscription = await subscribed(registration.pushManager, vapidPublicKey);
  if (!subscription) return;
  const { endpoint = "", keys = {} } = subscription.toJSON();
  const { p256dh = "", auth = "" } = keys;
  const device = await model.ask("POST /chat/push", { endpoint, p256dh, auth, device: browserName(navigator.userAgent) });
  kept.set("push", device.id);
  pushes.value = true;
}

/** The subscription, with this key; null where the browser's push service cannot be reached. */
async function subscribed(manager: PushManager, key: string): Promise<PushSubscription | null> {
  const options = { userVisibleOnly: true, applicationServerKey: key };
  try {
    return await manager.subscribe(options);
  } catch (error) {
    const old = await manager.getSubscription();
    if (!(error instanceof DOMException)) throw error;
    if (error.name !== "InvalidStateError" || !old) {
      console.info("No pushes reach this browser:", error.message);
      return null;
    }
    await old.unsubscribe(); // it was made with a key that the server has no longer
    return manager.subscribe(options);
  }
}

/** Shows a notification, once for all tabs. A press leads to the message (public/sw.js). */
export async function show(title: string, body: string, told: Told): Promise<void> {
  const registration = await navigator.serviceWorker.ready;
  await registration.showNotification(title, { body, tag: told.messageId, data: told, icon: "/favicon.svg" });
}

/** Takes away those of a room up to a seq: they are read, here or elsewhere. */
export async function takeAway(roomId: string, upTo: number): Promise<void> {
  const registration = supported ? await navigator.serviceWorker.getRegistration() : undefined;
  for (const shown of (await registration?.getNotifications()) ?? []) {
    const told = shown.data as Told | null;
    if (told?.roomId === roomId && told.seq <= upTo) shown.close();
  }
}

function choose(next: "on" | "off"): void {
  choice.value = next;
  kept.set(CHOICE, next);
}

const BROWSERS = [["Edg/", "Edge"], ["OPR/", "Opera"], ["Firefox/", "Firefox"], ["Chrome/", "Chrome"], ["Safari/", "Safari"]] as const;
const SYSTEMS = [["Android", "Android"], ["iPhone", "iPhone"], ["iPad", "iPad"], ["Windows", "Windows"], ["Mac OS", "macOS"], ["Linux", "Linux"]] as const;

/** "Firefox on Linux", as the list of devices shows it. */
export function browserName(agent: string): string {
  const named = (table: readonly (readonly [string, string])[]) => table.find(([mark]) => agent.includes(mark))?.[1];
  return [named(BROWSERS) ?? "A browser", named(SYSTEMS)].filter(Boolean).join(" on ");
}
