/** CAP's words for a warning, as people say them. */
import type { Schemas } from "../api/client";
import { t } from "../language.svelte";

type Alert = Schemas["Alert"];

export function severityName(severity: Alert["severity"]): string {
  const names: Record<Alert["severity"], string> = {
    Extreme: t("Đặc biệt nguy hiểm", "Extreme danger"),
    Severe: t("Rất nguy hiểm", "Severe danger"),
    Moderate: t("Nguy hiểm", "Danger"),
    Minor: t("Cần chú ý", "Take note"),
    Unknown: t("Chưa rõ mức độ", "Danger not known"),
  };
  return names[severity];
}

export function severityKind(severity: Alert["severity"]): "bad" | "warn" | "info" {
  if (severity === "Extreme" || severity === "Severe") return "bad";
  return severity === "Moderate" ? "warn" : "info";
}

export function urgencyName(urgency: Alert["urgency"]): string {
  const names: Record<Alert["urgency"], string> = {
    Immediate: t("Hành động ngay", "Act at once"),
    Expected: t("Trong những giờ tới", "Within hours"),
    Future: t("Sắp tới", "Later on"),
    Past: t("Đã qua", "It is past"),
    Unknown: "",
  };
  return names[urgency];
}

export function responseNames(alert: Alert): string[] {
  const names: Partial<Record<Alert["response_types"][number], string>> = {
    Shelter: t("Trú ẩn tại chỗ", "Take shelter"),
    Evacuate: t("Sơ tán", "Leave the area"),
    Prepare: t("Chuẩn bị", "Prepare"),
    Execute: t("Làm theo kế hoạch", "Follow the plan"),
    Avoid: t("Tránh xa", "Keep away"),
    Monitor: t("Theo dõi tin tức", "Follow the news"),
    AllClear: t("Đã an toàn", "All clear"),
  };
  return alert.response_types.flatMap((one) => names[one] ?? []);
}

export function endedName(alert: Alert): string | null {
  switch (alert.ended) {
    case "updated":
      return t("Đã có tin mới hơn", "There is a newer one");
    case "cancelled":
      return t("Đã hủy", "Cancelled");
    case "expired":
      return t("Đã hết hiệu lực", "It is over");
    case null:
      return null;
  }
}

/** Vietnam's alarm levels of rivers are written in Roman numbers. */
export function alarmName(alarm: number): string {
  return alarm === 0
    ? t("Dưới báo động I", "Below alarm I")
    : t(`Trên báo động ${"I".repeat(alarm)}`, `Above alarm ${"I".repeat(alarm)}`);
}

export function trendName(trend: Schemas["RiverLevel"]["trend"]): string {
  switch (trend) {
    case "rising":
      return t("↑ đang lên", "↑ rising");
    case "falling":
      return t("↓ đang xuống", "↓ falling");
    case "steady":
      return t("→ đứng", "→ steady");
    case null:
      return "";
  }
}

/** 1.15 → 1,15 m in Vietnamese. */
export function metres(level: number): string {
  const written = level.toFixed(2);
  return `${t(written.replace(".", ","), written)} m`;
}
