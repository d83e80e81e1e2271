"""Two procedures for tests: one that has everything that a flow may have, and a small one that is made out of it."""

from typing import Any

CODE, CHILD = "9.900001", "9.900002"


def told(vi: str, en: str | None = None) -> dict[str, str]:
    """The same in both languages."""
    return {"vi": vi, "en": en or vi}


def state(code: str, national: int, percent: int, **other: Any) -> dict[str, Any]:
    """A state."""
    return {"code": code, "name": told(code.capitalize()), "national": national, "percent": percent, **other}


def desk(role: str, agency: str | None = None) -> dict[str, Any]:
    """Who works there."""
    return {"role": role, "department": told(f"Phòng {role}", f"Office of {role}"), "agency": agency}


def action(code: str, from_: list[str], to: str | None, *effects: dict[str, Any], **other: Any) -> dict[str, Any]:
    """A way on."""
    name = told(f"Bước {code}", f"Step {code}")
    return {"code": code, "name": name, "from": from_, "to": to, "effects": list(effects), **other}


def effect(name: str, **other: Any) -> dict[str, Any]:
    """What an action does beside."""
    return {"effect": name, **other}


def term(channel: str, days: int = 10, fee: int = 0, fee_at: str = "acceptance") -> dict[str, Any]:
    """Time and fee."""
    return {"channel": channel, "days": days, "statutory_days": days + 5, "fee": fee, "fee_at": fee_at}


def case(code: str, days: int = 10, fee: int = 0, fee_at: str = "acceptance") -> dict[str, Any]:
    """A case that comes in every way."""
    channels = ("counter", "online", "post")
    return {"code": code, "name": told(code), "terms": [term(one, days, fee, fee_at) for one in channels]}


def child(agency: str) -> dict[str, Any]:
    """A dossier that is made out of ours elsewhere."""
    return {
        "procedure": CHILD,
        "case": "plain",
        "agency": agency,
        "fields": {"name": "child_name"},
        "papers": {"proof": "identity_card"},
    }


FORM = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["child_name"],
    "additionalProperties": False,
    "properties": {
        "child_name": {
            "type": "string",
            "minLength": 1,
            "maxLength": 100,
            "title": "Họ tên con",
            "title_en": "Child's name",
        },
        "copies": {"type": "integer", "minimum": 1, "maximum": 20, "title": "Số bản", "title_en": "Copies"},
    },
}

BASIS = [{"number": "60/2014/QH13", "name": told("Luật Hộ tịch", "Law on Civil Status")}]


def everything(*, supplement: str = "restart", electronic: bool = True) -> dict[str, Any]:
    """A procedure that has everything."""
    states = [
        state("received", 2, 20, desk=desk("clerk"), limit_minutes=225),
        state("appraisal", 4, 40, desk=desk("agency_officer"), limit_minutes=1350),
        state("consulting", 4, 45, desk=desk("agency_officer", "justice"), limit_minutes=450),
        state("approval", 4, 70, desk=desk("agency_head"), limit_minutes=900),
        state("supplement", 5, 40, clock="pause"),
        state("fee", 6, 40, clock="pause"),
        state("waiting", 4, 60, desk=desk("agency_officer"), limit_minutes=1350),
        state("done", 9, 90, clock="stop", outcome="done"),
        state("stopped", 8, 100, clock="stop", outcome="stopped"),
    ]
    actions = [
        action("hand_on", ["received"], "appraisal", roles=["clerk"]),
        action("ask_papers", ["appraisal"], "supplement", effect("ask_supplement"), roles=["agency_officer"]),
        action("supplemented", ["supplement"], "appraisal", on="supplemented"),
        action("ask_fee", ["appraisal"], "fee", effect("ask_fee"), roles=["agency_officer"]),
        action("fee_paid", ["fee"], "appraisal", on="fee_paid"),
        action("consult", ["appraisal"], "consulting", roles=["agency_officer"], needs=["note"]),
        action("answer", ["consulting"], "appraisal", roles=["agency_officer"], needs=["note"]),
        action("propose", ["appraisal"], "approval", roles=["agency_officer"]),
        action("send_back", ["approval"], "appraisal", roles=["agency_head"], needs=["note"]),
        action("extend", ["appraisal", "approval"], None, effect("extend"), roles=["agency_officer", "agency_head"]),
        action("assign", ["appraisal"], "appraisal", roles=["agency_officer"], needs=["assignee"]),
        action(
            "split",
            ["appraisal"],
            "waiting",
            effect("spawn", children=[child("tax"), child("social-insurance")]),
            roles=["agency_officer"],
        ),
        action("joined", ["waiting"], "approval", on="joined"),
        action("child_refused", ["waiting"], "appraisal", on="child_refused"),
        action("sign", ["approval"], "done", effect("issue_result"), roles=["agency_head"]),
        action("stop", ["appraisal", "approval"], "stopped", roles=["agency_officer", "agency_head"], needs=["note"]),
    ]
    return {
        "name": told("Đăng ký thử", "A registration"),
        "field": "civil_status",
        "online_level": "full",
        "wards": True,
        "papers": [
            {"code": "identity_card", "name": told("Căn cước công dân", "Identity card"), "kinds": [0, 1, 2]},
            {"code": "photo", "name": told("Ảnh chân dung", "Portrait"), "required": False, "most": 2},
        ],
        "form": FORM,
        "cases": [
            case("plain"),
            case("with_fee", fee=8_000),
            case("fee_at_return", fee=15_000, fee_at="return"),
            case("fee_later", fee=20_000, fee_at="supplement"),
            case("same_day", days=0),
        ],
        "result": {"name": told("Giấy chứng nhận", "Certificate"), "electronic": electronic, "keeps": "certificate"},
        "legal_basis": BASIS,
        "flow": {"start": "received", "states": states, "actions": actions, "supplement": supplement},
        "for_organisations": True,
    }


def small() -> dict[str, Any]:
    """What is made out of another: an officer does it, or does not."""
    return {
        "name": told("Cấp thẻ thử", "A card"),
        "field": "insurance",
        "online_level": "info",
        "agencies": ["tax", "social-insurance"],
        "papers": [{"code": "proof", "name": told("Giấy tờ chứng minh", "Proof"), "required": False}],
        "form": {"type": "object", "properties": {"name": {"type": "string", "title": "Tên", "title_en": "Name"}}},
        "cases": [{"code": "plain", "name": told("plain"), "terms": [term("counter", days=3)]}],
        "result": {"name": told("Thẻ", "Card"), "electronic": False, "signatures": []},
        "legal_basis": BASIS,
        "flow": {
            "start": "work",
            "states": [
                state("work", 4, 50, desk=desk("agency_officer"), limit_minutes=900),
                state("finished", 9, 100, clock="stop", outcome="done"),
                state("stopped", 8, 100, clock="stop", outcome="stopped"),
            ],
            "actions": [
                action("finish", ["work"], "finished", roles=["agency_officer"]),
                action("stop", ["work"], "stopped", roles=["agency_officer"], needs=["note"]),
            ],
        },
    }
