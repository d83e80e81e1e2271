"""Field reports, and what others may import of them."""

from feedback.models import StepKind as StepKind
