import type { Screen } from "../router.svelte";

export const dossiersScreens: readonly Screen[] = [];
