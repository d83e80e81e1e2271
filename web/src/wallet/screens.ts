import type { Screen } from "../router.svelte";

export const walletScreens: readonly Screen[] = [
  { path: "/wallet", load: () => import("./Wallet.svelte"), tab: "wallet" },
  { path: "/wallet/bills/:bill_id", load: () => import("./PayBill.svelte") },
  { path: "/wallet/payments/:payment_id", load: () => import("./Receipt.svelte") },
];
