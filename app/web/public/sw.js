// The service worker: shows what the server pushes, and leads to the message when that is pressed. It keeps nothing.
const KINDS = {
  direct: "A direct message", mention: "You were mentioned", group_mention: "Your room was called", reply: "A reply to you",
  message: "A new message",
};

addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim()));

addEventListener("push", (event) => event.waitUntil(show(event.data.json())));

async function show({ messageId, roomId, seq, kind, createdAt, sender, room, text }) {
  const pages = await clients.matchAll({ type: "window" });
  if (pages.some(({ focused }) => focused)) return; // the page in front of the user has told it
  const title = sender ? (room ? `${sender.name} in ${room}` : sender.name) : "Parley";
  await registration.showNotification(title, {
    body: text || KINDS[kind], tag: messageId, timestamp: Date.parse(createdAt), icon: "/favicon.svg",
    data: { roomId, messageId, seq },
  });
}

addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open(event.notification.data));
});

async function open({ roomId, messageId }) {
  const [page] = await clients.matchAll({ type: "window" });
  if (!page) return clients.openWindow(`/#/r/${[roomId, "m", messageId].map(encodeURIComponent).join("/")}`);
  page.postMessage({ roomId, messageId });
  await page.focus();
}
