"""What a person has sent. What holds it says for how long it is kept; what nothing holds is kept for a day."""

from app.db import queries_beside
from app.privacy.holdings import AGREEMENT, Holding, Words

sql = queries_beside(__file__)

HOLDINGS: tuple[Holding, ...] = (
    Holding(
        name="uploads.unclaimed",
        tables=("upload", "stored_object", "rendition"),
        what=Words("Ảnh, video, giấy tờ đã gửi mà chưa dùng", "Pictures, videos and papers that nothing uses yet"),
        why=Words("Để bạn dùng chúng trong một ngày", "For you to use within a day"),
        basis=AGREEMENT,
        rows=sql.unclaimed_of_person,
        erase=sql.erase_unclaimed,
        kept_days=1,
        forget=sql.forget_unclaimed,
    ),
    Holding(
        name="uploads.held",
        tables=("upload", "upload_evidence"),
        what=Words(
            "Ảnh, video, giấy tờ đã dùng (sau khi xóa: không còn biết ai gửi)",
            "Pictures, videos and papers in use (after erasure: not whose)",
        ),
        why=Words("Cho việc mà bạn đã gửi chúng", "For what you have sent them for"),
        basis=AGREEMENT,
        rows=sql.held_of_person,
        erase=sql.erase_owner_of_held,
    ),
)
