import type { Screen } from "../router.svelte";

export const dossiersScreens: readonly Screen[] = [
  { path: "/dossiers", load: () => import("./Dossiers.svelte"), tab: "home" },
  { path: "/dossiers/procedures", load: () => import("./Procedures.svelte"), open: true },
  { path: "/dossiers/procedures/:procedure_code", load: () => import("./Procedure.svelte"), open: true },
  { path: "/dossiers/new", load: () => import("./NewDossier.svelte") },
  { path: "/dossiers/papers", load: () => import("./Papers.svelte") },
  { path: "/dossiers/delegations", load: () => import("./Delegations.svelte") },
  { path: "/dossiers/bookings", load: () => import("./Bookings.svelte") },
  { path: "/dossiers/bookings/new", load: () => import("./BookVisit.svelte") },
  { path: "/dossiers/bookings/:booking_id", load: () => import("./Visit.svelte") },
  { path: "/bookings/:booking_id", load: () => import("./Visit.svelte") },
  { path: "/dossiers/counters/:agency_code", load: () => import("./Counter.svelte"), open: true },
  { path: "/dossiers/look-up", load: () => import("./LookUp.svelte"), open: true },
  { path: "/dossiers/verify", load: () => import("./Verify.svelte"), open: true },
  { path: "/dossiers/verify/:result_code", load: () => import("./Verify.svelte"), open: true },
  { path: "/dossiers/statistics", load: () => import("./Statistics.svelte"), open: true },
  { path: "/dossiers/:dossier_id", load: () => import("./Dossier.svelte") },
];
