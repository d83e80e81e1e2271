import type { Screen } from "../router.svelte";

export const notificationsScreens: readonly Screen[] = [];
