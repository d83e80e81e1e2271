/** The app on this phone and its newer self: told quietly, changed when the resident says so. */
export const update = $state({ waiting: false });

let fresh: ServiceWorker | null = null;

export async function watchUpdates(): Promise<void> {
  const worker = await navigator.serviceWorker.register("/sw.js");
  const found = (): void => {
    // Without a controller this is the first visit: there is nothing older on the screen.
    if (worker.waiting === null || navigator.serviceWorker.controller === null) return;
    fresh = worker.waiting;
    update.waiting = true;
  };
  found();
  worker.addEventListener("updatefound", () => {
    const coming = worker.installing;
    coming?.addEventListener("statechange", () => coming.state === "installed" && found());
  });
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") void worker.update().catch(() => undefined);
  });
}

export function takeUpdate(): void {
  navigator.serviceWorker.addEventListener("controllerchange", () => location.reload());
  fresh?.postMessage({ kind: "take over" });
}
