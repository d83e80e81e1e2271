/** Keep the screen on while somebody stands at the counter, where the phone can. Called while a component is made. */
import { onDestroy } from "svelte";

export function keepAwake(): void {
  let lock: WakeLockSentinel | null = null;
  let over = false;

  async function hold(): Promise<void> {
    if (over || document.visibilityState !== "visible" || !("wakeLock" in navigator)) return;
    try {
      const held = await navigator.wakeLock.request("screen");
      if (over) await held.release();
      else lock = held;
    } catch {
      // a phone that saves its battery says no
    }
  }

  const looked = () => void hold(); // it is let go of whenever the screen is not looked at
  document.addEventListener("visibilitychange", looked);
  void hold();
  onDestroy(() => {
    over = true;
    document.removeEventListener("visibilitychange", looked);
    void lock?.release().catch(() => undefined);
  });
}
