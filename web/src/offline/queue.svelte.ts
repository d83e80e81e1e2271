/**
 * What was written without a network, and waits. Each thing has the id that it was made with, so sending it again does
 * it once; it is gone from here when the city has answered, and never shown as done before.
 */
import { api, answer, send, problemOf, type Schemas } from "../api/client";
import { isProblem, told, Unreachable } from "../api/problem";
import { session } from "../api/session.svelte";
import { kept, type Outgoing } from "./kept";
import { network } from "./network.svelte";

class Waiting {
  items = $state.raw<Outgoing[]>([]);
  /** How many still wait; what was refused or sent only waits to be read. */
  count = $derived(this.items.filter((one) => one.state === "waiting").length);
}

export const waiting = new Waiting();

const AGAIN_MS = 20_000;

/** Look after the queue for as long as the app is open. */
export function watchQueue(): void {
  void load().then(sendAll);
  addEventListener("online", () => void sendAll());
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && void sendAll());
  setInterval(() => void sendAll(), AGAIN_MS);
}

/** Keep something to be sent, and try at once. */
export async function enqueue(item: Omit<Outgoing, "owner" | "madeAt" | "state">): Promise<void> {
  if (!session.me) return;
  await (
    await kept()
  ).put("outgoing", { ...item, owner: session.me.id, madeAt: new Date().toISOString(), state: "waiting" });
  await load();
  void sendAll();
}

/** Take something out: the resident does not want it sent any more, or has read how it went. */
export async function takeOut(id: string): Promise<void> {
  await (await kept()).delete("outgoing", id);
  await load();
}

/** The queue as it is on the phone, the oldest first, of whoever is signed in. */
export async function load(): Promise<void> {
  const all = await (await kept()).getAll("outgoing");
  waiting.items = all.filter((one) => one.owner === session.me?.id).sort((a, b) => (a.madeAt < b.madeAt ? -1 : 1));
}

/** Send what waits, one after the other; only one tab of the phone does it at a time. */
export async function sendAll(): Promise<void> {
  if (!session.me || !network.online) return;
  await navigator.locks.request("huong-queue", { ifAvailable: true }, async (lock) => {
    if (!lock) return;
    await load();
    for (const item of waiting.items.filter((one) => one.state === "waiting")) {
      try {
        await sendOne(item);
        await settle({ ...item, state: "sent" });
      } catch (trouble) {
        if (trouble instanceof Unreachable) break;
        if (isProblem(trouble, "WalletLocked", "StepUpRequired", "StrongStepUpRequired", "NotConfirmed")) {
          await settle({ ...item, needs: trouble.kind });
        } else if (isProblem(trouble) && trouble.status !== 401 && trouble.status !== 429 && trouble.status < 500) {
          await settle({ ...item, state: "refused", reason: told(trouble) });
        } else break;
      }
    }
  });
}

async function settle(item: Outgoing): Promise<void> {
  await (await kept()).put("outgoing", item);
  await load();
}

/** Send one thing. The photographs first, each once; then what they belong to. Raises Problem, Unreachable. */
async function sendOne(item: Outgoing): Promise<void> {
  for (const photograph of item.photographs) {
    if (photograph.sent) continue;
    await upload(photograph.uploadId, photograph.blob);
    photograph.sent = true;
    await (await kept()).put("outgoing", item);
  }
  if (item.kind === "report") {
    await answer(
      api.PUT("/v1/feedback/reports/{report_id}", {
        params: { path: { report_id: item.id } },
        body: item.body as Schemas["FileReport"],
      }),
    );
  } else {
    await answer(
      api.PUT("/v1/wallet/payments/{payment_id}", {
        params: { path: { payment_id: item.id } },
        body: item.body as Schemas["PayBill"] | Schemas["PayMerchant"] | Schemas["PayPerson"],
      }),
    );
  }
}

/** Send a file; the same id with the same bytes is the same upload. */
export async function upload(id: string, blob: Blob, purpose = "photo"): Promise<Schemas["Upload"]> {
  const response = await send(
    new Request(`/v1/uploads/${id}?purpose=${purpose}`, {
      method: "PUT",
      body: blob,
      headers: { "content-type": "application/octet-stream" },
    }),
  );
  const body = await response.json().catch(() => null);
  if (!response.ok) throw problemOf(response, body);
  return body as Schemas["Upload"];
}
