"""What the edge counts about frames and connections.

Only names and meanings; the numbers live and are rendered by services.process.
"""

from services.process.metrics import Counter, counter


class Counters:
    """The counters of a process, shared by its connections."""

    __slots__ = (
        "bad_characters",
        "defects",
        "duplicates",
        "frames_in",
        "frames_out",
        "handlers_overdue",
        "late_answers",
        "notices_dropped",
        "reading_paused",
        "refused",
        "rejected",
        "unknown_answers",
    )

    def __init__(self) -> None:
        self.frames_in = _frames("in")
        self.frames_out = _frames("out")
        self.rejected = counter("ocpp_frames_rejected_total", "Frames that were no OCPP message.")
        self.bad_characters = counter(
            "ocpp_frames_bad_characters_total",
            "Messages that were read without their bad characters.",
        )
        self.refused = counter("ocpp_requests_refused_total", "Requests answered with a CALLERROR.")
        self.defects = counter("ocpp_defects_total", "Requests and frames that made the edge itself fail.")
        self.duplicates = counter("ocpp_duplicate_requests_total", "Requests that came again before their answer.")
        self.handlers_overdue = counter("ocpp_handlers_overdue_total", "Requests given up after the handling limit.")
        self.notices_dropped = counter("ocpp_notices_dropped_total", "Unanswered messages dropped by a full backlog.")
        self.reading_paused = counter(
            "ocpp_reading_paused_total", "Times that a charge point was made to wait, for its backlog or slow reading."
        )
        self.late_answers = counter("ocpp_late_answers_total", "Answers that came after their call had ended.")
        self.unknown_answers = counter("ocpp_unknown_answers_total", "Answers to nothing that was asked.")


def _frames(direction: str) -> Counter:
    return counter("ocpp_frames_total", "Frames from and to charge points.", direction=direction)
