"""What can go wrong in the stack: one exception whose text is the one line a person reads."""


class StackError(Exception):
    """A failure that is told in one line: what failed, why, and what to do about it. Never shown with a traceback."""

    exit_code = 1


class NotRunningError(StackError):
    """No stack runs where one is asked for. The exit code is that of `systemctl status` for what is not running."""

    exit_code = 3
