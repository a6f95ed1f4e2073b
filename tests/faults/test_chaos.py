"""All faults at random: ``make chaos SECONDS=600 SEED=7``."""

import os
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from simulator import World
from tests.faults.chaos import Chaos, Client, Days, first_days, followed
from tests.faults.cluster import ALL_PROCESSES, TODAY
from tests.faults.conftest import MakeCluster
from tests.faults.invariants import check
from tests.waiting import wait_until

SECONDS = float(os.environ.get("CHAOS_SECONDS") or 20)

pytestmark = [pytest.mark.end_to_end, pytest.mark.fault, pytest.mark.timeout(SECONDS + 600)]

USERS = 80
NEWCOMERS = 400


def test_20_a_random_mix_of_faults_loses_and_doubles_nothing(make_cluster: MakeCluster) -> None:
    seed = int(os.environ.get("CHAOS_SEED") or random.SystemRandom().randrange(10**6))
    print(f"chaos: {SECONDS:g} s from seed {seed}")
    sizes = [1 + number % 30 for number in range(USERS)] + [1 + n % 4 for n in range(NEWCOMERS)]
    world = World.synthetic(seed=20, sizes=sizes, day=TODAY)
    accounts = world.accounts
    # With this many faults a user may meet several. Other tests check who is set aside for that.
    cluster = make_cluster(world, settings={"MAX_ATTEMPTS": "1000"})
    cluster.follow(accounts[:USERS])
    cluster.start(*ALL_PROCESSES)
    lock, is_over = threading.Lock(), threading.Event()
    dice = random.Random(seed)
    days = Days(cluster, random.Random(seed + 1), lock)
    client = Client(cluster, random.Random(seed + 2), accounts[USERS:], lock)
    chaos = Chaos(cluster, dice)

    def again_and_again(act: Callable[[], None], pause: float) -> None:
        while not is_over.wait(pause):
            act()

    with ThreadPoolExecutor(2) as pool:
        watching = pool.submit(again_and_again, days.end_day_if_done, 0.5)
        asking = pool.submit(again_and_again, client.act, 0.3)
        try:
            chaos.run(SECONDS)
        finally:
            is_over.set()
        healed = time.monotonic()
        asking.result()
        watching.result()
    wait_until(client.is_answered, 60)
    expected = {account.id for account in accounts[:USERS]} | client.followed | client.promised
    wait_until(lambda: followed(cluster) >= expected, 120)
    assert followed(cluster) == expected
    check(cluster, days=[*days.passed, world.day], since=lambda: first_days(cluster), seconds=120)

    print(f"chaos: right again {time.monotonic() - healed:.0f} s after the last fault")
    print(f"chaos: {sum(chaos.injected.values())} faults, {len(days.passed)} days")
    for name, count in sorted(chaos.injected.items()):
        print(f"chaos:   {count:4d}  {name}")
    print(f"chaos: started again: {cluster.restarts}; answers: {dict(client.statuses)}")
    assert set(client.statuses) <= {0, 200, 201, 202, 404, 503}
