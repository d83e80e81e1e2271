/** What the states and steps of a report are called. */
import type { Schemas } from "../api/client";
import { t } from "../language.svelte";

export type Status = Schemas["MyReport"]["status"];
export type Step = Schemas["Step"];
export type Rating = NonNullable<Schemas["MyReport"]["rating"]>;
export type Look = "info" | "good" | "warn" | "bad";

export function statusName(status: Status): string {
  switch (status) {
    case "submitted":
      return t("Đã gửi", "Sent");
    case "verified":
      return t("Đã tiếp nhận", "Accepted");
    case "rejected":
      return t("Không tiếp nhận", "Not accepted");
    case "assigned":
      return t("Đã phân công", "Assigned");
    case "in_progress":
      return t("Đang xử lý", "In progress");
    case "resolved":
      return t("Đã có kết quả", "Answered");
    case "closed":
      return t("Đã đóng", "Closed");
    case "duplicate":
      return t("Đã gộp", "Merged");
  }
}

export function statusLook(status: Status): Look {
  if (status === "resolved" || status === "closed") return "good";
  if (status === "rejected") return "bad";
  return "info";
}

export function isOpen(status: Status): boolean {
  return status === "submitted" || status === "verified" || status === "assigned" || status === "in_progress";
}

/** What an open report waits for. */
export function goingOn(status: Status): string {
  if (status === "submitted") return t("Chờ thành phố tiếp nhận", "The city looks at it");
  if (status === "verified") return t("Chờ phân công", "An agency is found for it");
  return t("Đơn vị đang xử lý", "The agency is on it");
}

export function stepName(step: Step): string {
  switch (step.kind) {
    case "filed":
      return t("Đã gửi phản ánh", "Report sent");
    case "verified":
      return t("Thành phố tiếp nhận", "The city accepted it");
    case "rejected":
      return t("Không tiếp nhận", "Not accepted");
    case "assigned":
      return t("Chuyển đơn vị xử lý", "Handed to an agency");
    case "started":
      return t("Bắt đầu xử lý", "Work has begun");
    case "asked":
      return t("Thành phố hỏi thêm", "The city asked");
    case "informed":
      return t("Đã trả lời câu hỏi", "The question was answered");
    case "lapsed":
      return t("Hết hạn chờ trả lời, xử lý tiếp", "No answer came; work goes on");
    case "resolved":
      return t("Có kết quả xử lý", "It was answered");
    case "returned":
      return t("Chuyển lại trung tâm điều hành", "Back to the operations centre");
    case "extension_asked":
      return t("Xin gia hạn", "More time was asked for");
    case "extended":
      return t("Đã gia hạn", "More time was given");
    case "extension_refused":
      return t("Không được gia hạn", "No more time was given");
    case "merged":
      return t("Gộp vào phản ánh khác", "Merged into another report");
    case "reopened":
      return t("Mở lại", "Opened again");
    case "rated":
      return t("Đã đánh giá", "Rated");
    case "closed":
      return t("Đã đóng", "Closed");
    case "redacted":
      return t("Đã che bớt ảnh", "Pictures were covered");
    case "fined":
      return t("Xử phạt", "Fined");
  }
}

export function ratingName(rating: Rating): string {
  switch (rating) {
    case "satisfied":
      return t("Hài lòng", "Satisfied");
    case "acceptable":
      return t("Chấp nhận được", "Acceptable");
    case "unsatisfied":
      return t("Không hài lòng", "Not satisfied");
  }
}
