"""chaos.queues"""

from chaos.queues import queue_length
from services.process.batching import Batcher
from services.process.prometheus import render


async def test_the_length_of_the_queue_before_the_record_is_read_from_the_metrics() -> None:
    async def send(items: list[int]) -> list[int | Exception]:
        return [*items]

    batcher: Batcher[int, int] = Batcher(
        send, max_items=9, max_queue=9, name="record transaction events", linger_seconds=60
    )
    other: Batcher[int, int] = Batcher(send, max_items=9, max_queue=9, name="report statuses", linger_seconds=60)
    waiting = [batcher.submit(number) for number in range(3)] + [other.submit(0)]
    assert queue_length(render()) == 3
    await batcher.close()
    await other.close()
    assert len(waiting) == 4
    assert queue_length("") == 0
