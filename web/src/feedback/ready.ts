import { api, answer } from "../api/client";
import { onSignOut } from "../api/session.svelte";
import { keepAnswer } from "../offline/kept";
import { wards } from "./cityWards";

let asked = false;
onSignOut(() => {
  asked = false; // what was kept goes with whoever leaves
});

/** What a report needs is asked for while there is a network, so that one can be written when there is none. */
export async function readyForReports(): Promise<void> {
  if (asked) return;
  asked = true;
  try {
    await keepAnswer("categories", await answer(api.GET("/v1/feedback/categories")));
    await wards();
  } catch {
    asked = false; // the next screen that asks tries again
  }
}
