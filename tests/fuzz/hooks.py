"""What schemathesis would take for wrong, and is not."""

from typing import Any

import schemathesis
from schemathesis import Case, HookContext


@schemathesis.hook
def filter_case(context: HookContext, case: Case[Any]) -> bool:
    """A header that nobody knows is no reason to refuse (RFC 9110, 5.1)."""
    return "x-schemathesis-unknown-property" not in (case.headers or {})
