"""What user code prints reaches those who listen while it runs."""

from __future__ import annotations

import asyncio
import itertools
import json
import re

import pytest

from jupyter_chariots.workers.replicas import Replicas

from .conftest import until
from .served import Nothing, body

MODULE = """
import logging, os, sys, threading, time, warnings
from pathlib import Path
from jupyter_chariots import Node, Pipeline

def wait(name):
    while not Path(name).exists():
        time.sleep(0.005)

def talk(order):
    match order:
        case ["print", text]:
            print(text)
        case ["wait", go]:
            print("before")
            wait(go)
            print("after", file=sys.stderr)
        case ["warn"]:
            for _ in range(3):
                warnings.warn("careful")
        case ["log"]:
            logging.getLogger("op").warning("logged")
        case ["thread"]:
            thread = threading.Thread(target=print, args=("from a thread",))
            thread.start()
            thread.join()
        case ["much", number, length]:
            for _ in range(number):
                print("x" * length)
        case ["pieces"]:
            for piece in ["h", "é", "\\u4f60", "\\U0001f600", "\\ud800"]:
                print(piece, end="")
                sys.stdout.flush()
        case ["fork"]:
            if os.fork() == 0:
                print("in the fork", flush=True)
                os._exit(0)
            os.wait()
        case ["late"]:
            def later():
                wait("go")
                print("too late")
                Path("printed").touch()
            threading.Thread(target=later).start()
        case ["fail"]:
            print("and then")
            raise RuntimeError("it failed")
        case ["both"]:
            print("out")
            print("err", file=sys.stderr)
            print("out again")
        case ["standard"]:
            sys.__stdout__.write("standard\\n")
            assert sys.stdout.encoding == "utf-8" and sys.stdout.fileno() == 1
            sys.stdout.writelines(["a\\n", "b\\n"])
            sys.stdout.buffer.write(b"bytes\\n")
    return True

talking = Pipeline([Node(talk, ["__pipeline_input__"], "__pipeline_output__")], "talking")
"""


class Talking:
    def __init__(self, workshop):
        self.workshop = workshop
        self.heard = []

    async def __aenter__(self):
        definitions = await self.workshop.define(MODULE)
        self.replicas = Replicas(definitions["talking"], Nothing, self.workshop.launch())
        return self

    async def __aexit__(self, *_):
        await self.replicas.stop()

    async def call(self, *order, heard=True):
        listening = self.heard.append if heard else None
        await self.replicas.call(body(order), hear=listening)
        return self.text

    @property
    def lines(self):
        """Streams and texts; what is printed at once may come in several pieces."""
        told = [json.loads(line) for piece in self.heard for line in piece.splitlines()]
        told = [one for one in told if "progress" not in one]
        return [
            (stream, "".join(one["text"] for one in lines))
            for stream, lines in itertools.groupby(told, key=lambda one: one["stream"])
        ]

    @property
    def text(self):
        return "".join(text for _, text in self.lines)

    @property
    def log(self):
        return (self.workshop.launcher.logs / "talking.log").read_text()


@pytest.fixture
def said(workshop, run):
    """What a call prints."""

    def call(*order):
        async def work():
            async with Talking(workshop) as talking:
                text = await talking.call(*order)
                return text, talking.lines, talking.log

        return run(work())

    return call


def test_prints_arrive_while_the_call_runs(workshop, run):
    async def work():
        async with Talking(workshop) as talking:
            call = asyncio.ensure_future(talking.call("wait", "go"))
            await until(lambda: talking.lines == [("stdout", "before\n")])
            workshop.mark("go")
            await call
            assert talking.lines[1:] == [("stderr", "after\n")]
            assert talking.log == "before\nafter\n"

    run(work())


def test_a_warning_is_told_once(said):
    text, lines, log = said("warn")
    assert text.count("UserWarning: careful") == 1
    assert [stream for stream, _ in lines] == ["stderr"]
    assert log == text


def test_logging_and_threads_are_heard(said):
    assert said("log")[0] == "logged\n"
    assert said("thread")[0] == "from a thread\n"


def test_the_streams_are_told_in_their_order(said):
    _, lines, _ = said("both")
    assert lines == [
        ("stdout", "out\n"),
        ("stderr", "err\n"),
        ("stdout", "out again\n"),
    ]


def test_text_in_pieces(said):
    text, _, log = said("pieces")
    assert text == log == "hé\u4f60\U0001f600\\ud800"


def test_the_streams_are_those_that_python_has(said):
    text, _, log = said("standard")
    assert text == "standard\na\nb\n"
    assert "bytes\n" in log


LEFT_OUT = re.compile(r"\n… ([\d,]+) more characters are in the log\n")


@pytest.mark.parametrize(("number", "length"), [(5, 3_000_000), (200_000, 20), (600_000, 0)])
def test_megabytes_are_cut_off(said, number, length):
    text, _, _ = said("much", number, length)
    assert text.startswith("x" * min(length, 1000))
    left_out = [int(one.replace(",", "")) for one in LEFT_OUT.findall(text)]
    shown = len(LEFT_OUT.sub("", text))
    assert left_out  # at the end, and before that if it takes so long that more may be shown
    assert shown < 1 << 20
    assert shown + sum(left_out) == number * (length + 1)


def test_nothing_is_told_of_calls_that_nobody_listens_to(workshop, run):
    async def work():
        async with Talking(workshop) as talking:
            await talking.call("print", "not heard", heard=False)
            await talking.call("fork")
            await talking.call("late")
            workshop.mark("go")
            await workshop.seen("printed")
            assert await talking.call("print", "heard") == "heard\n"
            assert talking.log == "not heard\nin the fork\ntoo late\nheard\n"

    run(work())


def test_what_was_printed_before_it_failed(workshop, run):
    async def work():
        async with Talking(workshop) as talking:
            with pytest.raises(ValueError, match="it failed"):
                await talking.call("fail")
            assert talking.text == "and then\n"

    run(work())


@pytest.mark.usefixtures("patient")
def test_what_is_printed_while_it_is_interrupted_breaks_nothing(workshop, run):
    async def work():
        async with Talking(workshop) as talking:
            await talking.call("print", "first")
            pids = talking.replicas.pids
            for _ in range(20):
                call = asyncio.ensure_future(talking.call("much", 10_000_000, 10))
                heard = len(talking.heard)
                await until(lambda heard=heard: len(talking.heard) > heard)
                call.cancel()
                await asyncio.wait([call])
            talking.heard.clear()
            assert await talking.call("print", "last") == "last\n"
            assert talking.replicas.pids == pids

    run(work())
