from uuid import uuid4
from app import oidc
from app.db import Database
from tests.conftest import StandIns

async def test_x(database: Database, stand_ins: StandIns) -> None:
    flow = await oidc.begin(database, "citizen", holder="me", redirect_path="/cb")
    code, state = await stand_ins.consent(flow.authorize_url, "+84900000001")
    claims = await oidc.finish(database, "citizen", state=state, code=code, holder="me", redirect_path="/cb")
    print(claims)
    flow = await oidc.begin(database, "staff", holder="me", redirect_path="/cb")
    code, state = await stand_ins.consent(flow.authorize_url, "admin2@hue.example")
    claims = await oidc.finish(database, "staff", state=state, code=code, holder="me", redirect_path="/cb")
    print(claims)
