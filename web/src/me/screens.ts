import type { Screen } from "../router.svelte";

export const meScreens: readonly Screen[] = [];
