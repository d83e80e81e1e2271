/** How the wallet calls things, in both languages. */
import type { Schemas } from "../api/client";
import { t } from "../language.svelte";

export type Movement = Schemas["Movement"];
export type MovementKind = Movement["kind"];
type Look = "info" | "good" | "warn" | "bad";

/** What a movement was, when nobody stands on its other side or no words came with it. */
export function movementName(kind: MovementKind): string {
  switch (kind) {
    case "bill":
      return t("Hóa đơn", "Bill");
    case "merchant":
      return t("Cửa hàng", "Shop");
    case "person":
      return t("Chuyển tiền", "Person to person");
    case "top_up":
    case "funding":
    case "deposit":
      return t("Nạp tiền", "Top-up");
    case "withdrawal":
    case "payout":
      return t("Rút tiền", "Withdrawal");
    case "refund":
    case "return":
      return t("Hoàn tiền", "Refund");
    case "fee":
      return t("Phí", "Fee");
    case "taking":
    case "collection":
      return t("Tiền thu", "Takings");
    case "settlement":
      return t("Quyết toán", "Settlement");
    case "reversal":
      return t("Hủy giao dịch", "Reversal");
    case "suspense":
    case "reserve":
      return t("Điều chỉnh", "Adjustment");
  }
}

/** Where one reads more about a line of the history; null: nowhere. */
export function movementLink(movement: Pick<Movement, "id" | "kind" | "amount">): string | null {
  switch (movement.kind) {
    case "bill":
    case "merchant":
    case "person":
      return movement.amount < 0 ? `/wallet/payments/${movement.id}` : null;
    case "top_up":
      return `/wallet/top-ups/${movement.id}`;
    case "withdrawal":
      return `/wallet/withdrawals/${movement.id}`;
    default:
      return null;
  }
}

export function billerIcon(
  kind: Schemas["Biller"]["kind"] | undefined,
): "electricity" | "water" | "phone" | "dossier" | "bill" {
  switch (kind) {
    case "electricity":
      return "electricity";
    case "water":
      return "water";
    case "telecom":
      return "phone";
    case "public_service_fee":
      return "dossier";
    default:
      return "bill";
  }
}

export function billState(status: Schemas["Bill"]["status"], isLate: boolean): { text: string; kind: Look } {
  switch (status) {
    case "due":
      return isLate ? { text: t("Quá hạn", "Overdue"), kind: "bad" } : { text: t("Chưa trả", "Due"), kind: "warn" };
    case "paying":
      return { text: t("Đang xử lý", "On its way"), kind: "info" };
    case "paid":
      return { text: t("Đã trả", "Paid"), kind: "good" };
    case "withdrawn":
      return { text: t("Đã thu hồi", "Withdrawn"), kind: "info" };
  }
}

export function topUpState(status: Schemas["TopUp"]["status"]): { text: string; kind: Look } {
  switch (status) {
    case "pending":
      return { text: t("Chờ tiền đến", "Waiting for the money"), kind: "info" };
    case "review":
      return { text: t("Đang kiểm tra", "Being looked at"), kind: "warn" };
    case "paid":
      return { text: t("Đã vào ví", "In the wallet"), kind: "good" };
    case "failed":
      return { text: t("Không thành công", "Failed"), kind: "bad" };
    case "expired":
      return { text: t("Hết hạn", "Expired"), kind: "bad" };
  }
}

export function topUpReason(reason: Schemas["TopUp"]["reason"]): string | null {
  switch (reason) {
    case "cancelled":
      return t("Bạn đã hủy ở trang thanh toán.", "You cancelled it at the gateway.");
    case "timed_out":
      return t("Đã quá thời gian thanh toán.", "The time to pay was over.");
    case "insufficient":
      return t("Tài khoản ngân hàng không đủ tiền.", "There was not enough at the bank.");
    case "refused":
      return t("Ngân hàng đã từ chối.", "The bank refused it.");
    case "closed":
      return t("Ví đã đóng; thành phố đang giữ tiền cho bạn.", "The wallet was closed; the city holds the money.");
    default:
      return null;
  }
}

export function withdrawalState(status: Schemas["Withdrawal"]["status"]): { text: string; kind: Look } {
  switch (status) {
    case "pending":
      return { text: t("Đang chuyển", "On its way"), kind: "info" };
    case "paid":
      return { text: t("Đã đến ngân hàng", "At the bank"), kind: "good" };
    case "failed":
      return { text: t("Không thành công", "Failed"), kind: "bad" };
  }
}

/** Why a bank did not take money; null: it did not say. */
export function bankReason(reason: Schemas["Withdrawal"]["reason"]): string | null {
  switch (reason) {
    case "account_unknown":
      return t("Ngân hàng không có số tài khoản này.", "The bank has no such account.");
    case "account_closed":
      return t("Tài khoản này đã đóng.", "This account is closed.");
    case "name_differs":
      return t("Tên chủ tài khoản không khớp.", "The account is in another name.");
    case "bank_unreachable":
      return t("Không liên lạc được với ngân hàng.", "The bank could not be reached.");
    case "other":
      return t("Ngân hàng không nhận khoản này.", "The bank did not take it.");
    default:
      return null;
  }
}

export function disputeKind(kind: Schemas["Dispute"]["kind"]): string {
  return kind === "trace" ? t("Tra soát", "Trace") : t("Khiếu nại", "Complaint");
}

export function disputeState(
  status: Schemas["Dispute"]["status"],
  outcome: Schemas["Dispute"]["outcome"],
): { text: string; kind: Look } {
  switch (status) {
    case "open":
      return { text: t("Đã nhận", "Received"), kind: "info" };
    case "in_review":
      return { text: t("Đang xem xét", "In review"), kind: "info" };
    case "withdrawn":
      return { text: t("Đã rút", "Withdrawn"), kind: "info" };
    case "resolved":
      if (outcome === "refunded") return { text: t("Đã hoàn tiền", "Refunded"), kind: "good" };
      if (outcome === "corrected") return { text: t("Đã sửa", "Corrected"), kind: "good" };
      return { text: t("Không chấp nhận", "Rejected"), kind: "warn" };
  }
}
