"""The stall meter counts the time in `next`, without the first item."""

import itertools

from train.data import StallMeter


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def test_share_of_waiting():
    clock = Clock()

    def slow():
        for i in itertools.count():
            clock.now += 100 if i == 0 else 1
            yield i

    meter = StallMeter(slow(), clock)
    assert meter.share == 0
    for expected in range(5):
        assert next(meter) == expected
        clock.now += 3
    assert (meter.waited, meter.elapsed, meter.share) == (4, 19, 4 / 19)
    meter.reset()
    assert (meter.waited, meter.share) == (0, 0)
    clock.now += 9
    next(meter)
    assert meter.share == 1 / 10
