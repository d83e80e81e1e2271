/** What the service worker says to the open app. */
import { onSignOut } from "../api/session.svelte";
import { go } from "../router.svelte";
import { ownScreen } from "../addresses";

export function watchWorker(): void {
  navigator.serviceWorker.addEventListener("message", (event) => {
    const said = event.data as { kind?: string; path?: string } | null;
    const path = ownScreen(said?.path);
    if (said?.kind === "go" && path !== null) go(path);
    if (said?.kind === "subscribed") void import("./push").then(({ keepPush }) => keepPush());
  });
  void import("./push").then(({ keepPush }) => keepPush());
}

onSignOut(() => {
  navigator.serviceWorker?.controller?.postMessage({ kind: "signed out" });
});
