import time


def test_thing():
    time.sleep(1)
