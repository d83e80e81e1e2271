/// <reference lib="webworker" />
/** The app without a network, and what the city says while it is closed. */
import { createHandlerBoundToURL, precacheAndRoute } from "workbox-precaching";
import { NavigationRoute, registerRoute } from "workbox-routing";
import { inTurn, refreshed } from "./api/refreshing";
import { outsidePage, ownScreen, SERVED } from "./addresses";

declare const self: ServiceWorkerGlobalScope;

// "/" is for the route of pages below: as a file it would be looked for by what the browser accepts, and not be found.
precacheAndRoute(self.__WB_MANIFEST, { directoryIndex: "" });
registerRoute(
  new NavigationRoute(createHandlerBoundToURL("/index.html"), {
    denylist: [SERVED],
  }),
);

self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

// --- Pictures that anybody may see, kept for the next look

const PICTURES = "pictures";
const MOST_PICTURES = 60;

registerRoute(
  ({ url, request }) =>
    url.origin === self.location.origin &&
    url.pathname.startsWith("/v1/pictures/") &&
    !request.headers.has("authorization"),
  async ({ request, event }) => {
    const cache = await caches.open(PICTURES);
    const kept = await cache.match(request);
    const asked = fetch(request).then(async (response) => {
      if (response.ok && response.type === "basic") await keep(cache, request, response.clone());
      else if (response.status === 404 || response.status === 410) await cache.delete(request); // taken down
      return response;
    });
    if (kept === undefined) return asked;
    (event as ExtendableEvent).waitUntil(asked.catch(() => undefined));
    return kept;
  },
);

async function keep(cache: Cache, request: Request, response: Response): Promise<void> {
  await cache.put(request, response).catch(() => undefined); // the phone is full
  const all = await cache.keys();
  await Promise.all(all.slice(0, Math.max(0, all.length - MOST_PICTURES)).map((old) => cache.delete(old)));
}

// --- What the city says

interface Pushed {
  title: string;
  body: string;
  tag: string;
  link: string | null;
  category: string;
  delivery_id: string;
  badge: string;
}

self.addEventListener("push", (event) => {
  const pushed = read(event.data);
  event.waitUntil(
    Promise.all([show(pushed), pushed ? receipt(pushed.delivery_id, false).catch(() => undefined) : undefined]),
  );
});

/** Null for what is not the city's: something is shown all the same, or the browser takes the leave away. */
function read(data: PushMessageData | null): Pushed | null {
  try {
    const said = data?.json() as Partial<Pushed>;
    return typeof said.title === "string" && typeof said.delivery_id === "string" ? (said as Pushed) : null;
  } catch {
    return null;
  }
}

function show(pushed: Pushed | null): Promise<void> {
  if (pushed === null) {
    return self.registration.showNotification("Hương", { body: "Có tin mới trong hộp thư.", tag: "inbox", data: {} });
  }
  const isAlert = pushed.category === "alert";
  return self.registration.showNotification(pushed.title, {
    body: pushed.body,
    tag: pushed.tag,
    icon: "/icon-192.png",
    badge: "/badge.png",
    lang: navigator.language.startsWith("en") ? "en" : "vi",
    requireInteraction: isAlert,
    // A newer warning in an older one's place is heard again.
    ...(isAlert ? { renotify: true } : {}),
    data: { link: pushed.link, delivery_id: pushed.delivery_id },
  } as NotificationOptions);
}

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const { link, delivery_id } = (event.notification.data ?? {}) as { link?: string | null; delivery_id?: string };
  event.waitUntil(
    Promise.all([goTo(link), delivery_id ? receipt(delivery_id, true).catch(() => undefined) : undefined]),
  );
});

/** In a window of the app that is open already, if there is one; by the app's own way, so that nothing is loaded anew. */
async function goTo(link: string | null | undefined): Promise<void> {
  const outside = outsidePage(link);
  if (outside !== null) {
    await self.clients.openWindow(outside);
    return;
  }
  const path = ownScreen(link) ?? "/inbox";
  const windows = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const open = windows.find((one) => one.visibilityState === "visible") ?? windows[0];
  if (open === undefined) {
    await self.clients.openWindow(path);
    return;
  }
  open.postMessage({ kind: "go", path });
  await open.focus().catch(() => undefined); // not after a touch: the screen has changed all the same
}

// --- The city hears that it came, with the session that this browser has

let access: { token: string; untilMs: number } | null = null;

async function accessToken(): Promise<string | null> {
  return inTurn(async () => {
    if (access && access.untilMs - 30_000 > Date.now()) return access.token;
    const fresh = await refreshed("vi");
    access = fresh && { token: fresh.access_token, untilMs: Date.now() + fresh.expires_in * 1000 };
    return access?.token ?? null;
  });
}

async function told(method: string, address: string, body: unknown): Promise<void> {
  const token = await accessToken();
  if (token === null) return;
  const response = await fetch(address, {
    method,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (response.status === 401) access = null;
}

async function receipt(delivery_id: string, opened: boolean): Promise<void> {
  await told("PUT", `/v1/notifications/receipts/${encodeURIComponent(delivery_id)}`, { opened });
}

self.addEventListener("pushsubscriptionchange", (event) => {
  (event as ExtendableEvent).waitUntil(renewSubscription());
});

/** The browser has ended the old one; the app tells the city of the new one, now if it is open, else at its start. */
async function renewSubscription(): Promise<void> {
  const response = await fetch("/v1/notifications/web-push-key");
  if (!response.ok) return;
  const { key } = (await response.json()) as { key: string };
  await self.registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
  for (const open of await self.clients.matchAll({ type: "window" })) open.postMessage({ kind: "subscribed" });
}

self.addEventListener("message", (event) => {
  const said = event.data as { kind?: string } | null;
  if (said?.kind === "take over") void self.skipWaiting();
  if (said?.kind === "signed out") access = null;
});
