"""Whatever befalls a server: nothing is lost, nothing is doubled, somebody can read it, and the next call heals it.

The tests at the end show that each of these judgements can fail.
"""

import datetime
import os
import random
import re
import signal
import time
from contextlib import contextmanager
from unittest import mock

import pytest
import states
import strikes
from conftest import LONG, Table
from world import (
    DATABASE,
    LAST_DAY,
    finish_uninstalling,
    get_model,
    look,
    merge,
    simulate_again,
    uninstall,
)

SEED = os.environ.get("FAULTS_SEED", "15")
# So often the worst is done, and the rest.
TIMES, SOME = (10, 5) if LONG else (2, 1)
# When the scheduler goes on, and how many hours it is until then.
CALLS = (("at once", 0), ("within an hour", 1), ("next night", 9))
# What Odoo and the addon say of what was stopped, wherever that was.
STOPPED = r"was stopped before its end|The server was stopped|Exception in cron|failed|cannot be scored|not be planned"


class Task:
    """Something that a server does, and what the database holds before and after it.

    :param template: the database that it begins with
    :param job: the scheduled action that does it
    :param is_whole: of each company all is done in one transaction
    :param heal: what a person does for it to be finished; None: the scheduler does it
    :param remedy: what a person does who reads that it has failed, before the scheduler goes on
    """

    def __init__(self, template, job=None, work=look, is_whole=False, heal=None, remedy=None, read=states.read):
        self.template, self.job, self.work, self.is_whole = template, job, work, is_whole
        self.heal, self.remedy, self.read = heal, remedy, read
        self.afters = None

    def in_any_order(self):
        """Return the same task, of which it does not matter whose follow-ups come first: a limit strikes a part of the
        work, and the rest goes on, so that the places of a day are taken by others."""

        def read(server, database):
            return states.read(server, database, states.ANY_ORDER)

        return Task(self.template, self.job, self.work, self.is_whole, self.heal, self.remedy, read)

    def begin(self, world):
        world.restore(self.template)
        if self.job:
            world.call(self.job)

    def learn(self, world):
        """Do it undisturbed, the first time."""
        if self.afters is None:
            self.begin(world)
            self.before = self.read_state(world)
            moments = strikes.Moments()

            def work(world):
                self.work(world)
                return moments.passed

            self.count = world.must_do(work, moments.watched())
            self.done = self.read_state(world)
            assert not states.are_equal(self.before, self.done)
            self.go_on(world, 0)
            self.afters = {0: self.read_state(world)}
        return self

    def read_state(self, world):
        return self.read(world.server, DATABASE)

    def go_on(self, world, call):
        """Let the scheduler, or whoever finishes it, go on until the call of that number."""
        if self.heal:
            world.must_do(self.heal)
            return
        if self.remedy:
            world.must_do(self.remedy)
        hours = CALLS[call][1]
        if hours:
            world.let_pass(hours)
        world.settle()

    def get_after(self, world, call):
        """Return what the database holds after that call if nothing befalls anybody."""
        if call not in self.afters:
            world.put_aside()
            self.begin(world)
            world.must_do(self.work)
            for number in range(call + 1):
                self.go_on(world, number)
            self.afters[call] = self.read_state(world)
            world.take_back()
        return self.afters[call]


TASKS = {
    "run": Task("before_run", "process_queue", is_whole=True),
    "queue": Task("after_run", "refresh"),
    "planning": Task("after_run", "followup"),
    "simulation": Task("after_run", "process_queue", is_whole=True, remedy=simulate_again),
    "uninstall": Task(
        "after_run", work=uninstall, is_whole=True, heal=finish_uninstalling, read=states.read_with_schema
    ),
}
JOBS = [name for name, task in TASKS.items() if task.job]


def choose(*short, names=JOBS):
    """Return the names of tasks as parameters, those but ``short`` only for the long form."""
    return [name if name in short else pytest.param(name, marks=pytest.mark.long) for name in names]


def draw(what, task, times):
    """Return so many moments of a task, one by chance in each of equal parts."""
    rng = random.Random(f"{SEED} {what}")
    count = task.count
    return [rng.randint(count * part // times + 1, count * (part + 1) // times) for part in range(times)]


def judge(world, table, what, task, told, struck=True, has_gone_on=False):
    """Look at what a fault has left, let it heal, and write down what is lost, doubled and told.

    :param told: what the log or a run must say, a regular expression
    :param has_gone_on: the scheduler has called other actions since, so that only the end can be compared
    """
    world.wait_until_left()
    halves = strange = None
    if not has_gone_on:
        state = task.read_state(world)
        halves = task.is_whole and states.find_halves(state, task.before, task.done)
        strange = states.find_strange(state, task.before, task.done)
    for call, (when, _hours) in enumerate(CALLS):  # noqa: B007 - the last one counts
        task.go_on(world, call)
        state, after = task.read_state(world), task.get_after(world, call)
        lost, doubled = states.subtract(after, state), states.subtract(state, after)
        if not lost and not doubled:
            break
    else:
        when = "never"
    texts = world.read_texts()
    is_told = not struck or bool(re.search(told, texts))
    table.add(what, struck, sum(lost.values()), sum(doubled.values()), is_told, when)
    rows = f"\nmore: {states.show(state, after)}\nless: {states.show(after, state)}"
    assert not halves, f"{what}: a part was done of company {halves}{rows}"
    assert not strange, f"{what}: neither as before nor as afterwards: {strange}{rows}"
    assert (lost, doubled) == ({}, {}), f"{what}: lost {lost}, doubled {doubled}{rows}\n{texts}"
    assert is_told, f"{what}: nobody is told {told!r}:\n{texts}"


def was_begun(world):
    """Whether a scheduled action has begun and not come to its end."""
    ((begun,),) = world.ask("SELECT EXISTS (SELECT FROM ir_cron_progress WHERE timed_out_counter > 0)")
    return begun


# ----------------------------------------------------------------------
# A server dies
# ----------------------------------------------------------------------


@pytest.mark.parametrize("name", TASKS)
def test_kill(world, table, name):
    what = f"kill -9: {name}"
    task = TASKS[name].learn(world)
    for number in draw(what, task, TIMES if task.job or LONG else 1):
        task.begin(world)
        ended = world.do(task.work, strikes.Moments(number, strikes.kill(number)).watched())
        assert ended.status in (0, -signal.SIGKILL), ended.log
        if task.job:
            judge(world, table, what, task, STOPPED, struck=ended.status != 0 and was_begun(world))
        else:  # the page Apps shows it
            judge(world, table, what, task, "", struck=ended.status != 0)


@pytest.mark.long
def test_the_time_of_a_run_is_up_again_and_again(world, table):
    """``limit_time_real`` ends the server in each attempt. The other companies do not wait for that run."""
    task = TASKS["run"].learn(world)
    task.begin(world)

    @contextmanager
    def too_slow():
        reader = get_model(world, "customer.tiering.reader")
        original = reader._read_customers

        def read(self, scope, *args):
            if scope.company_id == 1:
                os.kill(os.getpid(), signal.SIGKILL)
            return original(self, scope, *args)

        with mock.patch.object(reader, "_read_customers", read):
            yield

    for _ in range(8):
        world.do(look, too_slow())
        world.let_pass(1)
        world.wait_until_left()
        if not world.ask("SELECT 1 FROM customer_tiering_run WHERE state = 'queued'"):
            break
    query = "SELECT company_id, state FROM customer_tiering_run WHERE as_of IS NULL OR as_of = %s ORDER BY 1"
    assert world.ask(query, LAST_DAY) == [(1, "failed"), (2, "done"), (3, "done")]
    told = "The server was stopped 3 times during this run"
    judge(world, table, "limit_time_real: run", task, told, has_gone_on=True)


IN_ANY_ORDER = {name: TASKS[name].in_any_order() for name in JOBS}


@pytest.mark.parametrize("name", choose("run"))
@pytest.mark.parametrize(
    ("limit", "strike", "told"),
    [
        ("limit_time_cpu", strikes.use_up_processor_time, "CPU time limit exceeded"),
        ("limit_memory_hard", strikes.use_up_memory, "MemoryError|[Mm]emory|[Tt]hread"),
    ],
)
def test_limits(world, table, limit, strike, told, name):
    what = f"{limit}: {name}"
    task = IN_ANY_ORDER[name].learn(world)
    for number in draw(what, task, SOME):
        task.begin(world)
        # Who has no memory at all may wait for some until limit_time_real is reached.
        world.do(task.work, strikes.Moments(number, strike).watched(), most=60)
        # What is left of the memory may do for the rest.
        judge(world, table, what, task, f"{told}|{STOPPED}", struck=limit != "limit_memory_hard" or was_begun(world))


# ----------------------------------------------------------------------
# The database
# ----------------------------------------------------------------------


@pytest.mark.parametrize("name", choose("run", "queue"))
def test_postgresql_is_restarted(world, table, name):
    what = f"PostgreSQL restarted: {name}"
    task = TASKS[name].learn(world)
    for number in draw(what, task, SOME):
        task.begin(world)
        stop = strikes.stop_database(world.server.process.pid)
        world.do(task.work, strikes.Moments(number, stop).watched(), meanwhile=world.keep_database_up)
        world.keep_database_up()
        judge(world, table, what, task, STOPPED)


@pytest.mark.parametrize("name", choose("run"))
def test_statement_timeout(world, table, name):
    what = f"statement_timeout: {name}"
    task = TASKS[name].learn(world)
    for number in draw(what, task, SOME):
        task.begin(world)
        world.do(task.work, strikes.Moments(number, strikes.time_out).watched())
        judge(world, table, what, task, "statement timeout")


@pytest.mark.long  # so few rows need a temporary file by some plans only
@pytest.mark.parametrize("name", choose("run", names=["run", "queue", "simulation"]))
def test_no_room_for_temporary_files(world, table, name):
    task = TASKS[name].learn(world)
    task.begin(world)
    for setting in ("temp_file_limit = 0", "work_mem = '64kB'", "hash_mem_multiplier = 1"):
        world.ask(f"ALTER DATABASE {DATABASE} SET {setting}")
    world.do(task.work)
    world.ask(f"ALTER DATABASE {DATABASE} RESET ALL")
    judge(world, table, f"no room for temporary files: {name}", task, "temporary file size exceeds temp_file_limit")


@pytest.mark.parametrize("name", choose("run", names=["run", "queue", "simulation"]))
def test_no_room_while_copying(world, table, name):
    what = f"no room while copying: {name}"
    task = TASKS[name].learn(world)
    for number in range(1, 1 + SOME):
        task.begin(world)
        world.do(task.work, strikes.copy_breaks(number))
        judge(world, table, what, task, "No space left on device")


# ----------------------------------------------------------------------
# The log
# ----------------------------------------------------------------------


@pytest.mark.parametrize("name", choose("queue"))
def test_no_room_for_the_log(world, table, name):
    task = TASKS[name].learn(world)
    task.begin(world)
    ended = world.do(task.work, logfile="/dev/full")
    assert ended.status == 0
    judge(world, table, f"no room for the log: {name}", task, "No space left on device")


# ----------------------------------------------------------------------
# Others
# ----------------------------------------------------------------------


@pytest.mark.parametrize("name", choose("run", "planning"))
@pytest.mark.parametrize("by_scheduler", [pytest.param(True, marks=pytest.mark.long), False])
def test_two_workers_at_once(world, table, name, by_scheduler):
    """By the scheduler, and called by something else, which does not know of the scheduler's lock."""
    task = TASKS[name].learn(world)
    model, method = {
        "run": ("customer.tiering.run", "_cron_process_queue"),
        "queue": ("customer.tiering.refresh", "_cron_process"),
        "planning": ("customer.tiering.followup", "_cron_process"),
        "simulation": ("customer.tiering.run", "_cron_process_queue"),
    }[name]

    def call(world):
        with world.transaction() as env:
            getattr(env[model], method)()

    for _ in range(SOME):
        task.begin(world)
        moment = time.time() + 0.5

        def work(world):
            time.sleep(max(0, moment - time.time()))  # noqa: B023 - forked before the next
            (task.work if by_scheduler else call)(world)

        both = [world.start(work), world.start(work)]
        for child in both:
            ended = child.wait()
            assert ended.status == 0, ended.log
        judge(world, table, f"two workers{'' if by_scheduler else ', not by the scheduler'}: {name}", task, "")


@pytest.mark.long
def test_contacts_are_merged_during_a_run(world, table):
    """In the end it is as if they had been merged before it, or after it."""
    task = TASKS["run"].learn(world)
    world.restore("before_run")
    partners = [
        partner
        for (partner,) in world.ask(
            "SELECT partner_id FROM customer_tiering_scorecard WHERE company_id = 1 AND order_count > 0 "
            "ORDER BY amount DESC LIMIT 2"
        )
    ]

    def join(world):
        merge(world, partners)

    def go_on():
        for call in range(len(CALLS)):
            task.go_on(world, call)
        return task.read_state(world)

    task.begin(world)
    world.must_do(join)
    world.must_do(task.work)
    first = go_on()
    task.begin(world)
    world.must_do(task.work)
    world.must_do(join)
    last = go_on()
    for number in draw("merge", task, TIMES):
        task.begin(world)
        flag, others = world.server.folder / "now", []

        def wait_for_others(_cursor):
            flag.touch()  # noqa: B023
            time.sleep(1)

        def merge_now():
            if flag.exists() and not others:  # noqa: B023
                others.append(world.start(join))  # noqa: B023

        flag.unlink(missing_ok=True)
        ended = world.do(task.work, strikes.Moments(number, wait_for_others).watched(), meanwhile=merge_now)
        assert ended.status == 0, ended.log
        assert others[0].wait().status == 0
        state = go_on()
        compared = first if states.are_equal(state, first) else last
        lost, doubled = states.subtract(compared, state), states.subtract(state, compared)
        table.add("contacts merged: run", True, sum(lost.values()), sum(doubled.values()), True, "next night")
        assert (lost, doubled) == ({}, {}), ended.log


@pytest.mark.long
def test_clock_set_back(world, table):
    """The nights before the last one compute nothing and say so; afterwards it goes on as if they had not been."""
    task = TASKS["run"].learn(world)

    def read():
        return states.read(world.server, DATABASE, states.MOVES)

    def live(*days):
        task.begin(world)
        world.settle()
        for day in days:
            world.day = LAST_DAY + datetime.timedelta(days=day)
            world.call("nightly")
            world.call("refresh")
            world.settle()
        return read()

    undisturbed = live(1)
    for back in (40, 1) if LONG else (40,):
        state = live(-back, 1)
        lost, doubled = states.subtract(undisturbed, state), states.subtract(state, undisturbed)
        told = "the clock of the server" in world.read_texts()
        table.add("clock set back: run", True, sum(lost.values()), sum(doubled.values()), told, "next night")
        assert (lost, doubled) == ({}, {})
        assert told
    # Forward and back is not for ever: somebody computes by hand.
    live(400, 1)
    assert world.ask("SELECT DISTINCT state FROM customer_tiering_run WHERE as_of IS NULL") == [("skipped",)]

    def compute_by_hand(world):
        with world.transaction() as env:
            policies = env["customer.tiering.policy"].search([("is_simulation", "=", False)])
            env["customer.tiering.run"]._queue(policies, trigger="manual")._call_job()

    world.must_do(compute_by_hand)
    world.settle()
    last = "SELECT DISTINCT ON (company_id) state, as_of FROM customer_tiering_run ORDER BY company_id, id DESC"
    assert world.ask(last) == [("done", world.day)] * 3


# ----------------------------------------------------------------------
# The judgements can fail
# ----------------------------------------------------------------------


def commit_and_die(model, method, before=False):
    """Commit in the middle of the work, before or after a method, and die."""

    @contextmanager
    def sabotage(world):
        owner = get_model(world, model)
        original = getattr(owner, method)

        def sabotaged(self, *args, **kwargs):
            result = None if before else original(self, *args, **kwargs)
            self.env.flush_all()
            self.env.cr.commit()
            os.kill(os.getpid(), signal.SIGKILL)
            return result

        with mock.patch.object(owner, method, sabotaged):
            yield

    return sabotage


@contextmanager
def forget_who_waits(world):
    """Take the customers out of the queue before they are scored."""
    refresh = get_model(world, "customer.tiering.refresh")

    def process(self, company, partners=None):
        self.search([("company_id", "=", company.id)]).unlink()
        self.env.cr.commit()
        os.kill(os.getpid(), signal.SIGKILL)

    with mock.patch.object(refresh, "_process", process):
        yield


@contextmanager
def empty_and_die(world):
    from odoo.addons import customer_tiering  # noqa: PLC0415

    original = customer_tiering.uninstall_hook

    def hook(env):
        original(env)
        env.cr.commit()
        os.kill(os.getpid(), signal.SIGKILL)

    with mock.patch.object(customer_tiering, "uninstall_hook", hook):
        yield


@pytest.mark.parametrize(
    ("name", "sabotage", "noticed"),
    [
        ("run", commit_and_die("customer.tiering.writer", "_update_scorecards"), "a part was done of company"),
        pytest.param(
            "queue", forget_who_waits, "neither as before nor as afterwards: .*scorecards", marks=pytest.mark.long
        ),
        ("planning", commit_and_die("customer.tiering.followup", "_set_planned", before=True), "neither .*|doubled"),
        pytest.param(
            "simulation",
            commit_and_die("customer.tiering.simulation", "_insert_lines"),
            "a part was done of company",
            marks=pytest.mark.long,
        ),
        pytest.param("uninstall", empty_and_die, "a part was done of company", marks=pytest.mark.long),
    ],
)
def test_a_commit_in_the_middle_is_noticed(world, name, sabotage, noticed):
    task = TASKS[name].learn(world)
    task.begin(world)
    assert world.do(task.work, sabotage(world)).status == -signal.SIGKILL
    with pytest.raises(AssertionError, match=noticed):
        judge(world, Table(), "sabotage", task, "")


@pytest.mark.long
def test_what_nobody_is_told_is_noticed(world):
    task = TASKS["queue"].learn(world)
    task.begin(world)
    world.do(task.work)
    with pytest.raises(AssertionError, match="nobody is told"):
        judge(world, Table(), "sabotage", task, "There is no such sentence")
