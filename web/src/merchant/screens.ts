import type { Screen } from "../router.svelte";

export const merchantScreens: readonly Screen[] = [];
