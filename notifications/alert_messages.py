"""Words for news of warnings, to those who write and approve them. Everybody else hears the warning itself."""

from typing import assert_never

from notifications.events import AlertCancelled, AlertProposed, AlertPublished, AlertUpdated
from notifications.words import Words, hour, words_for

Told = AlertProposed | AlertPublished | AlertUpdated | AlertCancelled


def messages_of(event: Told) -> list[Words]:
    """Who is told what of an event."""
    match event:
        case AlertProposed():
            readers, title = event.supervisor_ids, ("Cảnh báo chờ duyệt", "A warning waits for approval")
        case AlertPublished():
            readers, title = [event.writer_id], ("Cảnh báo đã phát", "The warning went out")
        case AlertUpdated():
            readers, title = [event.writer_id], ("Bản cập nhật đã phát", "The update went out")
        case AlertCancelled():
            readers, title = [event.writer_id], ("Đã phát tin hủy cảnh báo", "The all-clear went out")
        case _:
            assert_never(event)
    body = (
        f"{event.headline_vi}. Đến {hour(event.expires_at)}.",
        f"{event.headline_en}. Until {hour(event.expires_at)}.",
    )
    return [words_for(reader, "alert", f"/staff/alerts/{event.alert_id}", title, body) for reader in readers]
