/**
 * Leave to move money. The city says what it needs (the PIN, a proof beside it); the sheet asks the resident; then the
 * very same request goes again, with the same id, so that whatever happened before is done once.
 */
import type { Schemas } from "../api/client";
import { api, answer } from "../api/client";
import { isProblem } from "../api/problem";

export type Moved = Schemas["AskStepUp"]["payment"];
type StepUp = Schemas["StepUp"];

/** The header by which the city knows that a payment was proved; empty until a proof was asked for. */
export interface Proof {
  "Step-Up"?: string;
}

/** `amount`: what is about to be moved, in đồng, if that is known here. */
type Wanted = ({ kind: "pin" } | { kind: "proof"; stepUp: StepUp }) & { amount?: number };
export type Question = Wanted & { answered: (given: boolean) => void };

export const asking = $state<{ question: Question | null }>({ question: null });

/** The resident closed the sheet: nothing was moved. */
export class PutAway extends Error {}

/** Runs `put` until the city has all the proof it wants; `put` sends the proof's header along. Raises PutAway, Problem,
 * Unreachable. */
export async function permitted<T>(id: string, payment: Moved, put: (proof: Proof) => Promise<T>): Promise<T> {
  let proof: Proof = {};
  const moved = "amount" in payment && payment.amount ? { amount: payment.amount } : {};
  for (;;) {
    try {
      return await put(proof);
    } catch (trouble) {
      if (needsPin(trouble)) {
        await ask({ kind: "pin", ...moved });
      } else if (isProblem(trouble, "StepUpRequired", "StrongStepUpRequired")) {
        const stepUp = await answer(api.POST("/v1/wallet/step-ups", { body: { payment_id: id, payment } }));
        await ask({ kind: "proof", stepUp, ...moved });
        proof = { "Step-Up": stepUp.step_up_id };
      } else {
        throw trouble;
      }
    }
  }
}

/** Runs `doing`, and once more when the PIN has opened the wallet, if it must be open. Raises PutAway, and its own. */
export async function withPin<T>(doing: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await doing();
    } catch (trouble) {
      if (!needsPin(trouble)) throw trouble;
      await ask({ kind: "pin" });
    }
  }
}

function needsPin(trouble: unknown): boolean {
  return isProblem(trouble, "WalletLocked", "PinNotSet", "NotConfirmed");
}

/** Have the wallet opened with the PIN. Raises PutAway. */
export function unlocked(): Promise<void> {
  return ask({ kind: "pin" });
}

function ask(question: Wanted): Promise<void> {
  return new Promise((resolve, reject) => {
    asking.question = {
      ...question,
      answered(given) {
        asking.question = null;
        if (given) resolve();
        else reject(new PutAway());
      },
    };
  });
}
