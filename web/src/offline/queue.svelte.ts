/**
 * What was written without a network, and waits. Each thing has the id that it was made with, so sending it again does
 * it once; it is called sent only when the city has said so, and what somebody took out does not come back.
 */
import { api, answer, type Schemas } from "../api/client";
import { isProblem, told, Unreachable } from "../api/problem";
import { session } from "../api/session.svelte";
import { kept, type Outgoing } from "./kept";
import { network } from "./network.svelte";
import { upload } from "./upload";

export { upload };

class Waiting {
  items = $state.raw<Outgoing[]>([]);
  /** How many still wait; what was refused or sent only waits to be read. */
  count = $derived(this.items.filter((one) => one.state === "waiting").length);
  /** How far the files are that are on their way now, from 0 to 1, by their uploads' ids. */
  going = $state<Record<string, number>>({});
}

export const waiting = new Waiting();

const AGAIN_MS = 20_000;
const READ_AFTER_MS = 7 * 86_400_000;
const PROOFS = ["WalletLocked", "PinNotSet", "StepUpRequired", "StrongStepUpRequired", "NotConfirmed"];
/** Noes that mean "not now". */
const LATER = ["UploadBusy", "UploadNotReady", "UploadCut", "OffsetConflict"];

// The phone's other tabs show the same queue.
const tabs = typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel("huong-queue");

/** Look after the queue for as long as the app is open. */
export function watchQueue(): void {
  void load().then(sendAll);
  addEventListener("online", () => void sendAll());
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && void sendAll());
  tabs?.addEventListener("message", () => void load());
  setInterval(() => void sendAll(), AGAIN_MS);
}

/** Keep something to be sent, and try at once. What is here already under its id stays as it is, unless refused. */
export async function enqueue(item: Omit<Outgoing, "owner" | "madeAt" | "state">): Promise<void> {
  if (!session.me) throw new Error("nobody is signed in whose this could be");
  const store = (await kept()).transaction("outgoing", "readwrite").store;
  const before = await store.get(item.id);
  if (before === undefined || before.state === "refused") {
    await store.put({ ...item, owner: session.me.id, madeAt: new Date().toISOString(), state: "waiting" });
  }
  // Ask the browser not to throw it away when the phone is full; it may say no.
  void globalThis.navigator.storage?.persist?.().catch(() => undefined);
  await changed();
  void sendAll();
}

/** Take something out: the resident does not want it sent any more, or has read how it went. */
export async function takeOut(id: string): Promise<void> {
  await (await kept()).delete("outgoing", id);
  await changed();
}

/** Let what was refused go once more as it is. */
export async function tryAgain(item: Outgoing): Promise<void> {
  await settle({ ...item, state: "waiting" });
  await sendAll();
}

/** The queue as it is on the phone, the oldest first, of whoever is signed in. */
export async function load(): Promise<void> {
  const db = await kept();
  const mine = (await db.getAll("outgoing")).filter((one) => one.owner === session.me?.id);
  const longAgo = new Date(Date.now() - READ_AFTER_MS).toISOString();
  const read = mine.filter((one) => one.state === "sent" && one.madeAt < longAgo);
  await Promise.all(read.map((one) => db.delete("outgoing", one.id)));
  waiting.items = mine.filter((one) => !read.includes(one)).sort((a, b) => (a.madeAt < b.madeAt ? -1 : 1));
}

let round: Promise<void> | null = null;

/** Send what waits, one after the other; only one tab of the phone does it at a time. */
export function sendAll(): Promise<void> {
  return (round ??= sendRound().finally(() => (round = null)));
}

async function sendRound(): Promise<void> {
  if (!session.me || !network.online) return;
  await navigator.locks.request("huong-queue", { ifAvailable: true }, async (lock) => {
    if (!lock) return;
    const tried = new Set<string>();
    for (;;) {
      await load(); // anew each time: something may have come, gone, or changed its owner meanwhile
      const item = waiting.items.find((one) => isDue(one) && !tried.has(one.id));
      if (!item) return;
      tried.add(item.id);
      if (!(await attempt(item))) return;
    }
  });
}

/** May it go without anybody's touch? Not if a proof is needed, nor before what it belongs to is there. */
function isDue(item: Outgoing): boolean {
  if (item.state !== "waiting" || item.needs !== undefined) return false;
  const report = item.kind === "comment" ? (item.body as Comment).report_id : null;
  return !waiting.items.some((one) => one.id === report && one.state === "waiting");
}

/** Runs `sending` and writes down how it went; false if nothing gets through to the city just now. */
export async function attempt(
  item: Outgoing,
  sending: () => Promise<unknown> = () => sendOne(item),
): Promise<boolean> {
  try {
    await sending();
    await settle({ ...item, state: "sent", photographs: [] });
    return true;
  } catch (trouble) {
    if (isProblem(trouble, ...PROOFS)) {
      await settle({ ...item, needs: trouble.kind });
    } else if (isProblem(trouble, ...LATER)) {
      return true;
    } else if (isProblem(trouble) && trouble.status !== 401 && trouble.status !== 429 && trouble.status < 500) {
      await settle({ ...item, state: "refused", reason: told(trouble) });
    }
    return !(trouble instanceof Unreachable) && !(isProblem(trouble) && trouble.status === 401);
  }
}

/** Write down what became of it, unless somebody has taken it out meanwhile. */
async function settle({ needs, reason, ...item }: Outgoing): Promise<void> {
  const store = (await kept()).transaction("outgoing", "readwrite").store;
  const told = {
    ...(item.state === "waiting" && needs ? { needs } : {}),
    ...(item.state === "refused" && reason ? { reason } : {}),
  };
  if ((await store.getKey(item.id)) !== undefined) await store.put({ ...item, ...told });
  await changed();
}

async function changed(): Promise<void> {
  await load();
  tabs?.postMessage("changed");
}

/** Send one thing. The photographs first, each once; then what they belong to. Raises Problem, Unreachable. */
async function sendOne(item: Outgoing): Promise<void> {
  await sendPhotographs(item);
  if ((await (await kept()).getKey("outgoing", item.id)) === undefined) return; // taken out while they went
  try {
    await put(item);
  } catch (trouble) {
    if (!isProblem(trouble, "UnknownUpload")) throw trouble;
    for (const photograph of item.photographs) photograph.sent = false; // a day is over, and the city forgot them
    await sendPhotographs(item);
    await put(item);
  }
}

async function sendPhotographs(item: Outgoing): Promise<void> {
  for (const photograph of item.photographs) {
    if (photograph.sent) continue;
    const { uploadId, blob, purpose } = photograph;
    try {
      mustBeOwners(item);
      await upload(uploadId, blob, purpose, (part) => (waiting.going[uploadId] = part));
    } finally {
      delete waiting.going[uploadId];
    }
    photograph.sent = true;
    await settle(item);
  }
}

interface Comment {
  readonly report_id: string;
  readonly text: string;
}

/** The thing itself, without its photographs: the same `PUT`, as often as it takes; `proof` is the header of a payment
 * that was proved. Raises Problem, Unreachable. */
export async function put(item: Outgoing, proof: { "Step-Up"?: string } = {}): Promise<void> {
  mustBeOwners(item);
  switch (item.kind) {
    case "report":
      await answer(
        api.PUT("/v1/feedback/reports/{report_id}", {
          params: { path: { report_id: item.id } },
          body: item.body as Schemas["FileReport"],
        }),
      );
      break;
    case "complaint":
      await answer(
        api.PUT("/v1/feedback/complaints/{complaint_id}", {
          params: { path: { complaint_id: item.id } },
          body: item.body as Schemas["Complain"],
        }),
      );
      break;
    case "comment": {
      const { report_id, text } = item.body as Comment;
      await answer(
        api.PUT("/v1/feedback/reports/{report_id}/comments/{comment_id}", {
          params: { path: { report_id, comment_id: item.id } },
          body: { text },
        }),
      );
      break;
    }
    case "payment":
      await answer(
        api.PUT("/v1/wallet/payments/{payment_id}", {
          params: { path: { payment_id: item.id }, header: proof },
          body: item.body as Schemas["PayBill"] | Schemas["PayMerchant"] | Schemas["PayPerson"],
        }),
      );
  }
}

/** Between two steps somebody else may have signed in here: what is not theirs waits. */
function mustBeOwners(item: Outgoing): void {
  if (session.me?.id !== item.owner) throw new Unreachable();
}
