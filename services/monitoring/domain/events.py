"""What the monitoring service tells the others."""

from dataclasses import dataclass

from services.monitoring.domain.alert import Alert


@dataclass(frozen=True, slots=True)
class AlertChanged:
    """An alert was raised, acknowledged or cleared."""

    alert: Alert
