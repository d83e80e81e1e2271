/** Every screen of the app and where it lives. What the city links to in messages has the same addresses. */
import { dossiersScreens } from "./dossiers/screens";
import { feedbackScreens } from "./feedback/screens";
import { homeScreens } from "./home/screens";
import { meScreens } from "./me/screens";
import { merchantScreens } from "./merchant/screens";
import { notificationsScreens } from "./notifications/screens";
import type { Screen } from "./router.svelte";
import { walletScreens } from "./wallet/screens";

export const SCREENS: readonly Screen[] = [
  ...homeScreens,
  ...walletScreens,
  ...feedbackScreens,
  ...dossiersScreens,
  ...notificationsScreens,
  ...merchantScreens,
  ...meScreens,
];
