"""What dossiers hold of a person."""

from app.db import queries_beside
from app.privacy.holdings import PUBLIC_TASK, Hold, Holding, Words

sql = queries_beside(__file__)

ARCHIVED = Hold(
    why=Words(
        "Hồ sơ thủ tục hành chính phải lưu trữ (Luật Lưu trữ 33/2024/QH15)",
        "Dossiers of administrative procedures are kept in the archive (Law on Archives 33/2024/QH15)",
    ),
    years=10,
)

HOLDINGS: tuple[Holding, ...] = (
    Holding(
        name="dossiers.drafts",
        tables=("dossier",),
        what=Words("Bản nháp hồ sơ chưa nộp", "Drafts of dossiers that were not submitted"),
        why=Words("Để bạn nộp tiếp", "So that you can go on with them"),
        basis=PUBLIC_TASK,
        rows=sql.drafts_of_person,
        erase=sql.erase_drafts,
    ),
    Holding(
        name="dossiers.dossiers",
        tables=("dossier", "dossier_event", "dossier_delegation"),
        what=Words(
            "Hồ sơ bạn đã nộp, các bước xử lý và ủy quyền của bạn",
            "Dossiers that you filed, what was done to them, and for whom you act",
        ),
        why=Words("Giải quyết thủ tục hành chính của bạn", "To deal with your procedures"),
        basis=PUBLIC_TASK,
        rows=sql.dossiers_of_person,
        hold=ARCHIVED,
    ),
    Holding(
        name="dossiers.papers",
        tables=("stored_paper",),
        what=Words(
            "Giấy tờ của bạn được lưu để dùng lại (giấy tờ nằm trong hồ sơ đã nộp vẫn ở trong hồ sơ)",
            "Papers of yours that are kept to be handed in again (what is in a dossier stays in it)",
        ),
        why=Words("Để bạn không phải nộp lại", "So that you need not hand them in again"),
        basis=PUBLIC_TASK,
        rows=sql.papers_of_person,
        erase=sql.erase_papers,
    ),
    Holding(
        whose="staff",
        name="dossiers.work",
        tables=("dossier_event", "dossier_desk", "dossier"),
        what=Words("Việc cán bộ đã làm với hồ sơ", "What a member of staff did with dossiers"),
        why=Words("Biết ai đã xử lý", "To know who dealt with what"),
        basis=PUBLIC_TASK,
        rows=sql.dossier_work_of_member,
    ),
)
