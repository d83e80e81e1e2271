/** What shops of the city sell, by the codes of ISO 18245; the commonest, in the order of their names. */
import { language, t } from "../language.svelte";

export function categories(): { value: string; name: string }[] {
  return [
    { value: "5812", name: t("Quán ăn, nhà hàng", "Restaurant") },
    { value: "5814", name: t("Cà phê, đồ ăn nhanh", "Café, fast food") },
    { value: "5411", name: t("Tạp hóa, siêu thị", "Groceries") },
    { value: "5499", name: t("Chợ, thực phẩm tươi", "Market, fresh food") },
    { value: "5462", name: t("Bánh", "Bakery") },
    { value: "5651", name: t("Quần áo", "Clothes") },
    { value: "5661", name: t("Giày dép", "Shoes") },
    { value: "5912", name: t("Nhà thuốc", "Pharmacy") },
    { value: "5947", name: t("Quà lưu niệm", "Gifts and souvenirs") },
    { value: "5942", name: t("Sách", "Books") },
    { value: "5943", name: t("Văn phòng phẩm", "Stationery") },
    { value: "5251", name: t("Kim khí, điện nước", "Hardware") },
    { value: "5732", name: t("Điện tử, điện thoại", "Electronics") },
    { value: "5992", name: t("Hoa", "Flowers") },
    { value: "7230", name: t("Cắt tóc, làm đẹp", "Hair and beauty") },
    { value: "7211", name: t("Giặt là", "Laundry") },
    { value: "7538", name: t("Sửa xe", "Vehicle repair") },
    { value: "4121", name: t("Taxi, xe ôm", "Taxi") },
    { value: "4131", name: t("Xe khách, thuyền du lịch", "Coaches and boats") },
    { value: "7011", name: t("Khách sạn, nhà nghỉ", "Hotel, guest house") },
    { value: "7991", name: t("Điểm tham quan", "Sights") },
    { value: "7523", name: t("Bãi giữ xe", "Parking") },
    { value: "8011", name: t("Phòng khám", "Doctor") },
    { value: "8299", name: t("Trường, lớp học", "School, lessons") },
    { value: "5999", name: t("Cửa hàng khác", "Another shop") },
    { value: "7299", name: t("Dịch vụ khác", "Another service") },
  ].sort((a, b) => a.name.localeCompare(b.name, language()));
}
