import type { Screen } from "../router.svelte";

export const homeScreens: readonly Screen[] = [
  { path: "/", load: () => import("./Home.svelte"), tab: "home" },
  { path: "/sign-in", load: () => import("../sign-in/SignIn.svelte"), open: true },
];
