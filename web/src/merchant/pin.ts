/** What an open wallet is asked for. */
import { isProblem } from "../api/problem";
import { unlocked } from "../money/permission.svelte";

/** Runs `put`, after the PIN if the city wants the wallet open. Raises PutAway, Problem, Unreachable. */
export async function withPin<T>(put: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await put();
    } catch (trouble) {
      if (!isProblem(trouble, "WalletLocked", "PinNotSet", "NotConfirmed")) throw trouble;
      await unlocked();
    }
  }
}
