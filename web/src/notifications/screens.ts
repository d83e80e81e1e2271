import type { Screen } from "../router.svelte";

export const notificationsScreens: readonly Screen[] = [
  { path: "/inbox", load: () => import("./Inbox.svelte"), tab: "home" },
  { path: "/me/notifications", load: () => import("./Preferences.svelte") },
  { path: "/alerts", load: () => import("./Alerts.svelte"), open: true },
  { path: "/alerts/flood", load: () => import("./Flood.svelte"), open: true },
  { path: "/alerts/:alert_id", load: () => import("./AlertPage.svelte"), open: true },
];
