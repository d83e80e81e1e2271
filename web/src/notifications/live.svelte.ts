/**
 * The inbox as it fills: one stream of server-sent events while somebody looks at the app, taken up where it broke
 * off. What it cannot tell (no network, a process full of streams), the screens ask for by themselves.
 */
import { onSignOut, session } from "../api/session.svelte";
import type { Schemas } from "../api/client";

export type Message = Schemas["Message"];

class Live {
  /** How many are left to read; null: not heard yet. */
  unread = $state<number | null>(null);
  /** What came since the app was opened, the newest first. */
  fresh = $state.raw<Message[]>([]);
  /** Changes whenever a list that is shown must be asked for anew. */
  resets = $state(0);
  connected = $state(false);
}

export const live = new Live();

const MOST_FRESH = 50;

let lastEventId: string | null = null;
let hangUp: (() => void) | null = null;

export function watchInbox(): void {
  document.addEventListener("visibilitychange", look);
  addEventListener("online", look);
  $effect.root(() => {
    $effect(look); // signed in, confirmed, or out
    $effect(() => badge(live.unread));
  });
}

onSignOut(() => {
  hangUp?.();
  hangUp = null;
  lastEventId = null;
  live.unread = null;
  live.fresh = [];
  badge(0);
});

function look(): void {
  const wanted = session.me !== null && session.confirmed && document.visibilityState === "visible";
  if (wanted) hangUp ??= follow();
  else {
    hangUp?.();
    hangUp = null;
  }
}

function follow(): () => void {
  let end: (() => void) | null = null;
  let ended = false;
  void import("../api/stream").then(({ listen }) => {
    if (ended) return;
    const listener = {
      onopen: () => (live.connected = true),
      onevent: hear,
      oncut: () => (live.connected = false),
    };
    end = listen("/v1/notifications/stream", listener, lastEventId);
  });
  return () => {
    ended = true;
    live.connected = false;
    end?.();
  };
}

/** One event of the stream; what is not ours, or broken, is passed over. */
export function hear(event: string, data: string, id: string | null): void {
  if (id) lastEventId = id;
  let said: Partial<Message> & { unread?: number };
  try {
    said = JSON.parse(data) as typeof said;
  } catch {
    return;
  }
  if (typeof said.unread === "number") live.unread = said.unread;
  if (event === "message" && typeof said.seq === "number") {
    const message = said as Message;
    if (live.fresh.some((one) => one.seq === message.seq)) return;
    live.fresh = [message, ...live.fresh].slice(0, MOST_FRESH);
  } else if (event === "reset") {
    live.fresh = [];
    live.resets++;
  }
}

function badge(unread: number | null): void {
  if (unread === null || !("setAppBadge" in navigator)) return;
  void (unread > 0 ? navigator.setAppBadge(unread) : navigator.clearAppBadge()).catch(() => undefined);
}
