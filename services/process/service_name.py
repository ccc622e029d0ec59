"""Which service the work under way belongs to: a process may run several.

Set once, before anything of a service is made; the tasks that it starts know it by their context.
"""

from contextvars import ContextVar

_name: ContextVar[str] = ContextVar("service_name", default="")


def service_name() -> str:
    """The name of the service; empty outside of any."""
    return _name.get()


def set_service_name(name: str) -> None:
    """Say what the current task, and all that it starts from now on, belongs to."""
    _name.set(name)
