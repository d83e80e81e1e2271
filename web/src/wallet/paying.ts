/** One way out for all payments: paid and shown, or kept on the phone until there is a network. */
import { api, answer, type Schemas } from "../api/client";
import { Unreachable } from "../api/problem";
import { permitted, PutAway } from "../money/permission.svelte";
import { enqueue } from "../offline/queue.svelte";
import { go } from "../router.svelte";

export type Paid = Schemas["PayBill"] | Schemas["PayMerchant"] | Schemas["PayPerson"];

/** Pays once per id, and asks the resident for what the city wants. Raises PutAway, Problem, Unreachable. */
export function pay(payment_id: string, body: Paid): Promise<Schemas["Payment"]> {
  return permitted(payment_id, body, (header) =>
    answer(api.PUT("/v1/wallet/payments/{payment_id}", { params: { path: { payment_id }, header }, body })),
  );
}

/** Pays and goes to the receipt; without a network it waits, and the screen of what waits says so. Raises Problem. */
export async function payAndShow(payment_id: string, title: string, body: Paid): Promise<void> {
  try {
    await pay(payment_id, body);
  } catch (trouble) {
    if (trouble instanceof PutAway) return;
    if (!(trouble instanceof Unreachable)) throw trouble;
    await enqueue({ id: payment_id, kind: "payment", title, body, photographs: [] });
    go("/queue", { instead: true });
    return;
  }
  go(`/wallet/payments/${payment_id}`, { instead: true });
}
