/** How dossiers are told: terms, fees, ways. */
import type { Schemas } from "../api/client";
import { t } from "../language.svelte";
import { dong } from "../money/dong";

export type Channel = Schemas["ShownTerm"]["channel"];

export function days(count: number): string {
  if (count === 0) return t("Trong ngày", "The same day");
  return t(`${count} ngày làm việc`, count === 1 ? "1 working day" : `${count} working days`);
}

/** "2–8 ngày làm việc", "Trong ngày". */
export function daysBetween(least: number, most: number): string {
  if (least === most) return days(least);
  return t(`${least}–${most} ngày làm việc`, `${least}–${most} working days`);
}

export function fee(amount: number): string {
  return amount === 0 ? t("Miễn phí", "Free") : dong(amount);
}

export function feeBetween(least: number, most: number): string {
  return least === most ? fee(least) : `${dong(least)} – ${dong(most)}`;
}

export function channelName(channel: Channel): string {
  switch (channel) {
    case "online":
      return t("Trực tuyến", "Online");
    case "counter":
      return t("Tại quầy", "At the counter");
    case "post":
      return t("Qua bưu chính", "By post");
  }
}

export function feeWhen(feeAt: string): string {
  switch (feeAt) {
    case "supplement":
      return t("nộp khi được yêu cầu", "paid when it is asked for");
    case "return":
      return t("nộp trước khi nhận kết quả", "paid before the result is handed out");
    default:
      return t("nộp khi hồ sơ được tiếp nhận", "paid when the dossier is accepted");
  }
}

export function deliveryName(by: Schemas["MyDossier"]["deliver_by"]): string {
  switch (by) {
    case "electronic":
      return t("Bản điện tử", "Electronic");
    case "counter":
      return t("Nhận tại quầy", "At the counter");
    case "post":
      return t("Qua bưu chính", "By post");
  }
}

export function badgeOf(dossier: {
  readonly outcome: Schemas["MyDossierLine"]["outcome"];
  readonly overdue: boolean;
  readonly state: string;
}): "info" | "good" | "warn" | "bad" {
  if (dossier.outcome === "done") return "good";
  if (dossier.outcome === "refused" || dossier.outcome === "stopped" || dossier.overdue) return "bad";
  if (dossier.state === "draft" || dossier.outcome === "withdrawn") return "warn";
  return "info";
}

export function bookingName(state: Schemas["VisitBooking"]["state"]): string {
  switch (state) {
    case "booked":
      return t("Đã đặt", "Booked");
    case "arrived":
      return t("Đã đến", "Arrived");
    case "cancelled":
      return t("Đã hủy", "Cancelled");
    case "missed":
      return t("Đã lỡ", "Missed");
  }
}

export function ticketName(state: Schemas["VisitTicket"]["state"]): string {
  switch (state) {
    case "waiting":
      return t("Đang chờ", "Waiting");
    case "called":
      return t("Mời vào", "Called");
    case "serving":
      return t("Đang phục vụ", "Being served");
    case "served":
      return t("Đã xong", "Done");
    case "missed":
      return t("Đã lỡ", "Missed");
  }
}

/** A counter as a list of them names it: the ward first, so that it is found at once and fits. */
export function placeName(name: string): string {
  const ward = /^Trung tâm Phục vụ hành chính công (phường|xã) (.+)$/u.exec(name);
  return ward ? `${ward[2]} (${ward[1]})` : name;
}

/** Counters to choose from, in the order of their names. */
export function placesOf(agencies: readonly { readonly code: string; readonly name: string }[]): {
  value: string;
  name: string;
}[] {
  const order = new Intl.Collator("vi");
  return agencies
    .map((one) => ({ value: one.code, name: placeName(one.name) }))
    .sort((one, other) => order.compare(one.name, other.name));
}
