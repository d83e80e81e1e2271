"""Money that residents put in: by the gateway's page or a transfer, credited once or not at all, whatever is told."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import UUID, uuid4

import httpx
import pytest
from litestar.testing import RequestFactory  # noqa: F401

from app import config
from app.db import Connection
from tests.app.phones import problem
from tests.conftest import City, Later, StandIns, served
from tests.makers import Resident, a_policy, a_resident, a_staff_member
from tests.statements import sql
from tests.wallet.banking import broken_laws, money, told
from tests.wallet.conftest import Passing
from wallet import ledger, qr
from wallet.gateways import top_ups, transfer_codes, vnpay
from wallet.ledger import Move
