import type { Screen } from "../router.svelte";

export const feedbackScreens: readonly Screen[] = [
  { path: "/reports", load: () => import("./Reports.svelte"), tab: "reports" },
  { path: "/reports/new", load: () => import("./NewReport.svelte") },
  { path: "/reports/map", load: () => import("./ReportMap.svelte"), open: true },
  { path: "/reports/search", load: () => import("./SearchReports.svelte"), open: true },
  { path: "/reports/fines", load: () => import("./Fines.svelte"), open: true },
  { path: "/reports/:report_id", load: () => import("./Report.svelte"), open: true },
  { path: "/reports/:report_id/complaint", load: () => import("./Complaint.svelte") },
  { path: "/queue", load: () => import("./Queue.svelte") },
  { path: "/alerts/sos", load: () => import("./Sos.svelte") },
];
