import type { Screen } from "../router.svelte";

export const feedbackScreens: readonly Screen[] = [];
