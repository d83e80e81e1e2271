/** Being verified by the identity provider (VNeID): off to its page, and back by `/verifications`. */
import { api, answer } from "../api/client";
import { isProblem } from "../api/problem";
import { PutAway, unlocked } from "../money/permission.svelte";

const BEGUN_AS = "huong.verification";

export interface Begun {
  verification_id: string;
  /** The screen that wanted it, and goes on from it. */
  then: string;
}

/** Leaves for the provider's page. The first time takes the PIN. Raises Problem, Unreachable. */
export async function beVerified(then: string, { newNumber = false } = {}): Promise<void> {
  for (;;) {
    try {
      const begun = await answer(api.POST("/v1/me/verifications", { body: { new_number: newNumber } }));
      const kept: Begun = { verification_id: begun.verification_id, then };
      localStorage.setItem(BEGUN_AS, JSON.stringify(kept));
      location.assign(begun.authorize_url);
      return;
    } catch (trouble) {
      if (!isProblem(trouble, "PinNeeded")) throw trouble;
      try {
        await unlocked();
      } catch (why) {
        if (why instanceof PutAway) return;
        throw why;
      }
    }
  }
}

/** What was begun here, if it was. */
export function begun(): Begun | null {
  try {
    const kept = JSON.parse(localStorage.getItem(BEGUN_AS) ?? "null") as Begun | null;
    return typeof kept?.verification_id === "string" && kept.then.startsWith("/") ? kept : null;
  } catch {
    return null;
  }
}

export function forgetBegun(): void {
  localStorage.removeItem(BEGUN_AS);
}
