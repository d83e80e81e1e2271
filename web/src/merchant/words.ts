/** How things of a shop stand, in words. */
import type { Schemas } from "../api/client";
import { t } from "../language.svelte";

interface Standing {
  kind: "info" | "good" | "warn" | "bad";
  text: string;
}

export function shopStanding(status: Schemas["Merchant"]["status"]): Standing {
  switch (status) {
    case "active":
      return { kind: "good", text: t("Đang nhận tiền", "Open") };
    case "pending":
      return { kind: "warn", text: t("Chờ duyệt", "Waiting for approval") };
    case "suspended":
      return { kind: "bad", text: t("Tạm ngừng", "Suspended") };
    case "closed":
      return { kind: "info", text: t("Đã đóng", "Closed") };
  }
}

export function refundStanding(status: Schemas["Refund"]["status"]): Standing {
  switch (status) {
    case "paid":
      return { kind: "good", text: t("Đã hoàn", "Given back") };
    case "pending":
      return { kind: "info", text: t("Chờ ngân hàng", "Waiting for the bank") };
    case "failed":
      return { kind: "bad", text: t("Không hoàn được", "Did not arrive") };
    case "proposed":
      return { kind: "warn", text: t("Chờ duyệt", "Waiting for approval") };
    case "refused":
      return { kind: "bad", text: t("Không được duyệt", "Not approved") };
  }
}

export function settlementStanding(status: Schemas["Settlement"]["status"]): Standing {
  switch (status) {
    case "paid":
      return { kind: "good", text: t("Đã đến ngân hàng", "At the bank") };
    case "sent":
      return { kind: "info", text: t("Đang chuyển", "On its way") };
    case "failed":
      return { kind: "bad", text: t("Chưa chuyển được", "Not delivered") };
  }
}

/** Why a bank did not take money. */
export function bankReason(reason: Schemas["Settlement"]["reason"]): string {
  switch (reason) {
    case "account_unknown":
      return t("Ngân hàng báo không có số tài khoản này.", "The bank knows no such account.");
    case "account_closed":
      return t("Ngân hàng báo tài khoản đã đóng.", "The bank says that the account is closed.");
    case "name_differs":
      return t("Tên chủ tài khoản không khớp.", "The name of the account differs.");
    case "bank_unreachable":
      return t("Ngân hàng đang gián đoạn.", "The bank cannot be reached.");
    default:
      return t("Ngân hàng không nhận khoản này.", "The bank did not take it.");
  }
}

export function messageStanding(status: Schemas["WebhookMessage"]["status"]): Standing {
  switch (status) {
    case "delivered":
      return { kind: "good", text: t("Đã nhận", "Delivered") };
    case "waiting":
      return { kind: "info", text: t("Sẽ gửi lại", "Will be sent") };
    case "kept":
      return { kind: "info", text: t("Giữ để lấy", "Kept to be fetched") };
    case "dead":
      return { kind: "bad", text: t("Không gửi được", "Not delivered") };
  }
}

/** Why there was no answer from a shop's system. */
export function unheard(why: Schemas["WebhookMessage"]["last_failure"]): string {
  switch (why) {
    case "address_refused":
      return t("địa chỉ không được phép", "the address is not allowed");
    case "name_unknown":
      return t("không tìm thấy tên miền", "the name is unknown");
    case "not_connected":
      return t("không kết nối được", "no connection");
    case "not_trusted":
      return t("chứng chỉ không tin cậy", "the certificate is not trusted");
    case "timeout":
      return t("quá lâu không trả lời", "it took too long");
    case "broken":
      return t("trả lời bị đứt", "the answer broke off");
    default:
      return t("không trả lời", "no answer");
  }
}

export function eventName(event: string): string {
  switch (event) {
    case "payment.received":
      return t("Nhận tiền", "Payment received");
    case "payment.refunded":
      return t("Đã hoàn tiền", "Payment refunded");
    case "refund.failed":
      return t("Hoàn tiền không thành", "Refund failed");
    case "settlement.paid":
      return t("Quyết toán đã đến", "Settlement paid");
    case "settlement.failed":
      return t("Quyết toán không thành", "Settlement failed");
    case "webhook.test":
      return t("Tin thử", "Test message");
    default:
      return event;
  }
}

export function takingTitle(taking: Schemas["Taking"]): string {
  if (taking.amount < 0) return t("Hoàn tiền cho khách", "Given back");
  return (
    taking.payer ?? (taking.kind === "taking" ? t("Chuyển khoản ngân hàng", "Bank transfer") : t("Khách", "Customer"))
  );
}
