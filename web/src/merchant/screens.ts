import type { Screen } from "../router.svelte";

export const merchantScreens: readonly Screen[] = [
  { path: "/merchants", load: () => import("./Shops.svelte") },
  { path: "/merchants/new", load: () => import("./OpenShop.svelte") },
  { path: "/merchants/invitations", load: () => import("./Invitations.svelte") },
  { path: "/merchants/:merchant_id", load: () => import("./Shop.svelte") },
  { path: "/merchants/:merchant_id/settings", load: () => import("./ShopSettings.svelte") },
  { path: "/merchants/:merchant_id/takings", load: () => import("./Takings.svelte") },
  { path: "/merchants/:merchant_id/takings/:taking_id", load: () => import("./OneTaking.svelte") },
  { path: "/merchants/:merchant_id/terminals", load: () => import("./Terminals.svelte") },
  { path: "/merchants/:merchant_id/terminals/:terminal_id", load: () => import("./Sticker.svelte") },
  { path: "/merchants/:merchant_id/orders", load: () => import("./NewOrder.svelte") },
  { path: "/merchants/:merchant_id/orders/:order_id", load: () => import("./Order.svelte") },
  { path: "/merchants/:merchant_id/charges", load: () => import("./Charge.svelte") },
  { path: "/merchants/:merchant_id/refunds", load: () => import("./Refunds.svelte") },
  { path: "/merchants/:merchant_id/shifts", load: () => import("./Shifts.svelte") },
  { path: "/merchants/:merchant_id/cashiers", load: () => import("./Cashiers.svelte") },
  { path: "/merchants/:merchant_id/bank-account", load: () => import("./BankAccount.svelte") },
  { path: "/merchants/:merchant_id/settlements", load: () => import("./Settlements.svelte") },
  { path: "/merchants/:merchant_id/settlements/:settlement_id", load: () => import("./Settlement.svelte") },
  { path: "/merchants/:merchant_id/api-keys", load: () => import("./ApiKeys.svelte") },
  { path: "/merchants/:merchant_id/webhook-endpoints", load: () => import("./WebhookEndpoints.svelte") },
  {
    path: "/merchants/:merchant_id/webhook-endpoints/:webhook_endpoint_id",
    load: () => import("./WebhookEndpoint.svelte"),
  },
  {
    path: "/merchants/:merchant_id/webhook-messages/:webhook_message_id",
    load: () => import("./WebhookMessage.svelte"),
  },
];
