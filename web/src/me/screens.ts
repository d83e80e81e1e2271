import type { Screen } from "../router.svelte";

export const meScreens: readonly Screen[] = [
  { path: "/me", load: () => import("./Me.svelte"), tab: "me" },
  { path: "/me/pin", load: () => import("./Pin.svelte") },
  { path: "/me/passkeys", load: () => import("./Passkeys.svelte") },
  { path: "/me/level", load: () => import("./Level.svelte") },
  { path: "/me/devices", load: () => import("./Devices.svelte") },
  { path: "/me/sessions", load: () => import("./Sessions.svelte") },
  { path: "/me/phone", load: () => import("./Phone.svelte") },
  { path: "/me/consents", load: () => import("./Consents.svelte") },
  { path: "/me/exports", load: () => import("./Exports.svelte") },
  { path: "/me/exports/:export_id", load: () => import("./Exports.svelte") },
  { path: "/me/erasures", load: () => import("./Erasure.svelte") },
  { path: "/me/data-requests", load: () => import("./DataRequests.svelte") },
  { path: "/me/access-log", load: () => import("./AccessLog.svelte") },
  { path: "/verifications", load: () => import("./Return.svelte") },
  { path: "/lock", load: () => import("./Lock.svelte"), open: true },
];
