"""The table of faults. Each begins, lasts, and is healed; two lanes run beside each other.

Lane "cluster" acts on PostgreSQL servers, lane "net" on links and on instances of cqrsd. A fault is
a generator: it begins before its first yield, yields for how many seconds it lasts, and heals
behind. Whatever it leaves broken is mended by World.settle at the end.
"""

import contextlib
import random
import signal
import threading
import time

from harness import processes
from harness.until import TooLate, rest_now, until

TABLE = {}
NEEDS = {}  # what the machine must allow for a fault: "disk", "packets"


def fault(lane, needs=None):
    def note(function):
        name = function.__name__.replace("_", "-")
        TABLE[name] = (lane, function)
        if needs:
            NEEDS[name] = needs
        return function
    return note


def not_possible(lacks):
    """Fault -> why it cannot be made, on a network that lacks something."""
    return {name: lacks[need] for name, need in NEEDS.items() if need in lacks}


def some(world, rng):
    return rng.choice(world.followers)


def healthy(world):
    """Nobody is paused, and everybody who should follow does; a node that cannot is cloned."""
    for node in world.followers:
        if not node.running:
            node.forget_shared_memory()
            node.start()
        if world.follows(node):
            continue
        world.follow(node)
        try:
            until(lambda node=node: world.follows(node), f"{node.name} to follow", 3)
        except TooLate:
            world.clone_again(node)


def most_advanced(world):
    return max(world.followers, key=lambda node: lsn(node.sql(
        "SELECT greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())")))


def lsn(text):
    high, _, low = text.partition("/")
    return int(high, 16) << 32 | int(low, 16)


# --- replay --------------------------------------------------------------------------------------

@fault("cluster")
def pause_of_replay(world, rng):
    nodes = rng.choice([[some(world, rng)], world.followers])
    for node in list(nodes):
        node.pause_replay()
    yield rng.uniform(0.5, 3)
    for node in list(nodes):
        node.resume_replay()


@fault("cluster")
def delay_of_replay(world, rng):
    node = some(world, rng)
    node.set(recovery_min_apply_delay=f"{rng.choice([20, 200, 800])}ms")
    yield rng.uniform(1, 3)
    node.set(recovery_min_apply_delay="0")


# --- processes -----------------------------------------------------------------------------------

@fault("cluster")
def stop_of_primary(world, rng):
    node = world.leader
    node.sigstop()
    yield rng.uniform(0.3, 2.5)
    node.sigcont()


@fault("cluster")
def stop_of_replica(world, rng):
    node = some(world, rng)
    node.sigstop()
    yield rng.uniform(0.3, 2.5)
    node.sigcont()


@fault("cluster")
def kill_of_primary(world, rng):
    node = world.leader
    node.kill9()
    yield rng.uniform(0, 1.5)
    node.forget_shared_memory()
    node.start()


@fault("cluster")
def kill_of_replica(world, rng):
    node = some(world, rng)
    node.kill9()
    yield rng.uniform(0, 1.5)
    node.forget_shared_memory()
    node.start()


def kill_a_process(node, like):
    """Of those whose title holds the words; PostgreSQL restarts all the others after it."""
    for pid in processes.children(node.pid):
        if like in processes.command_line(pid):
            processes.send(pid, signal.SIGKILL)
            return True
    return False


@fault("cluster")
def kill_of_backend(world, rng):
    node = rng.choice(world.nodes)
    kill_a_process(node, "shop 1")
    yield rng.uniform(0.5, 1.5)
    until(lambda: node.psql(["-c", "SELECT 1"]).returncode == 0, f"{node.name} again", 20)


@fault("cluster")
def kill_of_walreceiver(world, rng):
    node = some(world, rng)
    kill_a_process(node, "walreceiver")
    yield rng.uniform(0.5, 1.5)
    until(lambda: node.psql(["-c", "SELECT 1"]).returncode == 0, f"{node.name} again", 20)


def fill_up(path):
    """Large pieces first, then small ones, until nothing fits."""
    with open(path, "wb", buffering=0) as file:
        for piece in (1 << 20, 1 << 12):
            with contextlib.suppress(OSError):
                while True:
                    file.write(bytes(piece))


@fault("cluster", needs="disk")
def disk_full(world, rng):
    node = rng.choice([world.leader, some(world, rng)])
    fill = node.data / "fill"
    fill_up(fill)
    for _ in range(3):
        world.leader.psql(["-c", "SELECT pg_switch_wal()"])
    yield rng.uniform(0.5, 2)
    fill.unlink()
    yield 0.5
    if not node.running:
        node.forget_shared_memory()
        node.start()
    until(lambda: node.psql(["-c", "SELECT 1"]).returncode == 0, f"{node.name} again", 20)


# --- promotions ----------------------------------------------------------------------------------

@fault("cluster")
def promotion_clean(world, rng):
    """Switchover: the primary ends in order and its last record is everywhere."""
    old = world.leader
    healthy(world)
    old.stop("fast")
    yield rng.uniform(0, 0.5)
    world.lead(most_advanced(world))
    healthy_others(world, old)
    yield rng.uniform(0.5, 1)
    world.clone_again(old)


def healthy_others(world, old):
    for node in world.followers:
        if node is not old:
            world.follow(node)


def cut_off(world):
    """No follower gets any more WAL of the leader; returns what ends that."""
    heals = [node.host.deaf_to(world.leader.host) for node in world.followers]

    def heal():
        for one in heals:
            one()
    return heal


@fault("cluster")
def promotion_with_lost_wal(world, rng):
    """The standbys had not got the last of it when the primary died for good."""
    old = world.leader
    heal = cut_off(world)
    yield rng.uniform(0.1, 1)
    old.kill9()
    heal()
    yield rng.uniform(0, 0.5)
    world.lead(most_advanced(world))
    healthy_others(world, old)
    yield rng.uniform(0.5, 1.5)
    world.clone_again(old)
    healthy(world)


@fault("cluster")
def promotion_while_the_old_primary_lives(world, rng):
    """Nobody has stopped the old one: it goes on taking writes until it is fenced."""
    old = world.leader
    heal = cut_off(world)
    yield rng.uniform(0, 0.5)
    world.lead(most_advanced(world))
    heal()
    healthy_others(world, old)
    yield rng.uniform(0.5, 2)
    world.clone_again(old)
    healthy(world)


@fault("cluster")
def old_primary_back(world, rng):
    """It died, another leads, and it comes back as if nothing had been."""
    old = world.leader
    heal = cut_off(world) if rng.random() < 0.5 else lambda: None
    yield rng.uniform(0, 0.3)
    old.kill9()
    heal()
    world.lead(most_advanced(world))
    healthy_others(world, old)
    yield rng.uniform(0, 1)
    world.reign_goes_on(old)
    old.forget_shared_memory()
    old.start()
    yield rng.uniform(0.5, 2)
    world.clone_again(old)
    healthy(world)


@fault("cluster")
def back_to_the_lower_timeline(world, rng):
    """Another one was promoted and took writes; then the old primary leads again, as it was."""
    old, since_ns = world.leader, time.monotonic_ns()
    healthy(world)
    old.stop(rng.choice(["fast", "immediate"]))
    world.lead(most_advanced(world))
    healthy_others(world, old)
    yield rng.uniform(0.5, 1.5)
    world.lead_back(old, since_ns)
    yield rng.uniform(1, 3)
    healthy(world)


@fault("cluster")
def an_older_copy_restored(world, rng):
    """The primary comes back with less than it had acknowledged, on the timeline that it had."""
    copy = world.cluster.copy_of(world.leader)
    yield rng.uniform(0.3, 1.5)
    world.lead_from(copy)
    yield rng.uniform(0.5, 2)
    healthy(world)


# --- the service ---------------------------------------------------------------------------------

@fault("net")
def stop_of_cqrsd(world, rng):
    instance = rng.choice(world.instances)
    processes.send(instance.pid, signal.SIGSTOP)
    yield rng.uniform(0.3, 2.5)
    processes.send(instance.pid, signal.SIGCONT)


@fault("net")
def quiet_then_one_slow_read(world, rng):
    """Nobody asks for a while; then each instance has one slow read at the primary, and all come
    back while it runs."""
    world.quiet = True
    try:
        yield rng.uniform(0.5, 1)
        slow_s = rng.uniform(1, 2)
        readers = [threading.Thread(target=read_slowly, args=(instance, slow_s), daemon=True)
                   for instance in world.instances]
        for reader in readers:
            reader.start()
        yield slow_s / 2
    finally:
        world.quiet = False
    for reader in readers:
        reader.join(slow_s + 5)


def read_slowly(instance, seconds):
    with contextlib.suppress(OSError):  # beside a fault of the other lane
        instance.client.get(f"/v1/queries/sleep?seconds={seconds}",
                            headers={"Consistency": "strong"})


@fault("net")
def kill_of_cqrsd(world, rng):
    number = rng.randrange(len(world.instances))
    world.instances[number].kill9()
    yield rng.uniform(0, 0.5)
    world.restart_instance(number)


@fault("cluster")
def kill_of_cqrsd_mid_commit(world, rng):
    """The primary stands still, commands gather on it, their cqrsd dies, and the primary goes on:
    what was about to commit commits, and nobody is there to hear it."""
    number, node = rng.randrange(len(world.instances)), world.leader
    node.sigstop()
    yield rng.uniform(0.05, 0.3)
    world.instances[number].kill9()
    node.sigcont()
    yield rng.uniform(0, 0.5)
    world.restart_instance(number)


@fault("net")
def restart_of_cqrsd(world, rng):
    number = rng.randrange(len(world.instances))
    world.instances[number].terminate()
    world.instances[number].wait()
    world.restart_instance(number)
    yield rng.uniform(0, 0.5)


@fault("net")
def clock_jump_of_cqrsd(world, rng):
    """The wall clock of one instance goes an hour forwards or backwards, and back."""
    world.clock.write_text(rng.choice(["+3600", "-3600", "+86400"]))
    yield rng.uniform(0.5, 2)
    world.clock.write_text("+0")


# --- names ---------------------------------------------------------------------------------------

@fault("cluster")
def a_name_moves(world, rng):
    """A name leads to another server, while conns to the one before live on, or some of them."""
    for node in rng.sample(world.nodes, 2):
        world.lead_name_to(node)
        for one in world.followers if rng.random() < 0.5 else []:
            one.psql(["-c", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                            "WHERE application_name = 'cqrsd' AND random() < 0.5"])
        yield rng.uniform(0.5, 2)
    world.lead_name_to(world.followers[0])


# --- links ---------------------------------------------------------------------------------------

def link(world, rng):
    return rng.choice(world.instances).host, rng.choice(world.nodes).host


@fault("net")
def partition_of_cqrsd_and_node(world, rng):
    one, other = link(world, rng)
    heals = [one.deaf_to(other), other.deaf_to(one)]
    yield rng.uniform(0.5, 3)
    for heal in heals:
        heal()


@fault("net")
def cqrsd_deaf_to_node(world, rng):
    one, other = link(world, rng)
    heal = one.deaf_to(other)
    yield rng.uniform(0.5, 3)
    heal()


@fault("net")
def node_deaf_to_cqrsd(world, rng):
    one, other = link(world, rng)
    heal = other.deaf_to(one)
    yield rng.uniform(0.5, 3)
    heal()


@fault("net")
def partition_of_nodes(world, rng):
    one, other = rng.sample([node.host for node in world.nodes], 2)
    heals = [one.deaf_to(other)]
    if rng.random() < 0.6:
        heals.append(other.deaf_to(one))
    yield rng.uniform(0.5, 4)
    for heal in heals:
        heal()


@fault("net")
def reset_storm(world, rng):
    one = rng.choice(world.instances).host
    for _ in range(rng.randint(2, 5)):
        heals = [one.resets(node.host) for node in world.nodes]
        yield 0.1
        for heal in heals:
            heal()
        yield rng.uniform(0.05, 0.4)


@fault("net")
def latency_of_200_ms(world, rng):
    host = rng.choice([rng.choice(world.instances).host, rng.choice(world.nodes).host])
    heal = host.delays(200)
    yield rng.uniform(1, 3)
    heal()


@fault("net", needs="packets")
def loss_of_5_percent(world, rng):
    heal = rng.choice([*world.instances, *world.nodes]).host.loses(5)
    yield rng.uniform(1, 3)
    heal()


def schedule(lane, seed, only=None, lacks=None):
    """Faults of a lane without end: whole shuffled tables one after the other, so that each is met
    as often as any other. lacks: what the network cannot do."""
    without = not_possible(lacks or {})
    names = sorted(name for name, (where, _) in TABLE.items()
                   if where == lane and name not in without and (not only or name in only))
    turn = 0
    while names:
        shuffled = list(names)
        random.Random(f"{lane}/{seed}/{turn}").shuffle(shuffled)
        yield from shuffled
        turn += 1


__all__ = ["TABLE", "rest_now", "schedule"]
