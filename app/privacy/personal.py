"""What the ground itself holds of a person, and what is written down about how their data is handled."""

from app.db import queries_beside
from app.privacy.holdings import AGREEMENT, PROOF, SECURITY, Hold, Holding, Words

sql = queries_beside(__file__)

HOLDINGS: tuple[Holding, ...] = (
    Holding(
        name="city.news",
        tables=("event", "job"),
        what=Words("Sự kiện về tài khoản (chờ báo và đã báo)", "News about the account (told and to be told)"),
        why=Words("Để những việc phải làm sau đó được làm", "So that what must follow does follow"),
        basis=AGREEMENT,
        rows=sql.news_of_person,
        erase=sql.erase_news,
        kept_days=730,
        forget=sql.forget_news,
    ),
    Holding(
        name="city.counts",
        tables=("budget",),
        what=Words("Số lần sử dụng gần đây", "How often something was done lately"),
        why=Words("Ngăn dò mã và lạm dụng", "To keep others from guessing codes"),
        basis=SECURITY,
        rows=sql.uses_of_person,
        erase=sql.erase_uses,
        kept_days=2,
        forget=sql.forget_uses,
    ),
    Holding(
        name="privacy.consents",
        tables=("consent",),
        what=Words("Các lần đồng ý và rút đồng ý", "Consents, given and withdrawn"),
        why=Words("Chứng minh bạn đã đồng ý những gì", "To prove what you consented to"),
        basis=PROOF,
        rows=sql.consents_of_person,
        hold=Hold(PROOF, 5),
    ),
    Holding(
        name="privacy.exports",
        tables=("data_export", "data_export_part"),
        what=Words("Bản sao dữ liệu đã lập cho bạn", "Copies that were made for you"),
        why=Words("Cho bạn tải về", "For you to fetch"),
        basis=PROOF,
        rows=sql.exports_of_person,
        erase=sql.erase_exports,
        kept_days=7,
        forget=sql.forget_exports,
    ),
    Holding(
        name="privacy.data_requests",
        tables=("data_request", "erasure"),
        what=Words("Yêu cầu về dữ liệu và câu trả lời", "What you asked about your data, and the answers"),
        why=Words("Trả lời bạn đúng hạn", "To answer you in time"),
        basis=PROOF,
        rows=sql.data_requests_of_person,
        erase=sql.erase_data_requests,
    ),
    Holding(
        name="privacy.processing",
        tables=("processing",),
        what=Words("Nhật ký xử lý dữ liệu (chỉ có mã)", "The processing log (ids only)"),
        why=Words("Cho biết đã làm gì với dữ liệu của bạn", "To tell what was done with your data"),
        basis=PROOF,
        rows=sql.processing_of_person,
        hold=Hold(PROOF, 5),
    ),
    Holding(
        name="privacy.openings",
        tables=("file_opening",),
        what=Words("Ai đã mở hồ sơ của bạn", "Who opened your file"),
        why=Words("Để bạn biết, và để không ai mở vì tò mò", "For you to know, and so that nobody is curious"),
        basis=PROOF,
        rows=sql.openings_of_person,
        hold=Hold(PROOF, 5),
    ),
)
