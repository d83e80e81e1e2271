/** Messages to this browser when the app is closed (Web Push). Nothing is asked of anybody before they touch it. */
import { version } from "../../package.json";
import { api, answer } from "../api/client";
import { deviceId, onSignOut, session } from "../api/session.svelte";
import { language } from "../language.svelte";

export type PushState = "unsupported" | "denied" | "off" | "on";

export async function pushState(): Promise<PushState> {
  if (!("serviceWorker" in navigator && "PushManager" in window && "Notification" in window)) return "unsupported";
  if (Notification.permission === "denied") return "denied";
  return (await subscription()) === null || Notification.permission !== "granted" ? "off" : "on";
}

async function subscription(): Promise<PushSubscription | null> {
  const worker = await navigator.serviceWorker.getRegistration();
  return (await worker?.pushManager.getSubscription()) ?? null;
}

/** Asks the browser's leave, subscribes, and tells the city where. Call it from a touch. */
export async function turnOn(): Promise<void> {
  if ((await Notification.requestPermission()) !== "granted") return;
  const worker = await navigator.serviceWorker.ready;
  const { key } = await answer(api.GET("/v1/notifications/web-push-key"));
  await tell(await subscribed(worker.pushManager, key));
}

async function subscribed(pushes: PushManager, key: string): Promise<PushSubscription> {
  const options = { userVisibleOnly: true, applicationServerKey: key };
  try {
    return await pushes.subscribe(options);
  } catch (trouble) {
    const old = await pushes.getSubscription(); // made with another key: the city has changed its own
    if (old === null) throw trouble;
    await old.unsubscribe();
    return pushes.subscribe(options);
  }
}

async function tell(made: PushSubscription): Promise<void> {
  const { endpoint, keys } = made.toJSON();
  await answer(
    api.PUT("/v1/notifications/devices/{device_id}", {
      params: { path: { device_id: deviceId() } },
      body: {
        platform: "web",
        target_kind: "web_push",
        target: JSON.stringify({ endpoint, keys }),
        locale: language(),
        app_version: version,
      },
    }),
  );
}

export async function turnOff(): Promise<void> {
  await (await subscription())?.unsubscribe();
  await answer(
    api.DELETE("/v1/notifications/devices/{device_id}", { params: { path: { device_id: deviceId() } } }),
  ).catch(() => undefined); // what is not there any more is sent nothing either
}

/** At each start: the city hears that this device is still reached there, and in which language. */
export async function keepPush(): Promise<void> {
  if (session.me === null || !session.confirmed || (await pushState()) !== "on") return;
  const made = await subscription();
  if (made !== null) await tell(made).catch(() => undefined);
}

onSignOut(async () => {
  await (await subscription().catch(() => null))?.unsubscribe();
});
