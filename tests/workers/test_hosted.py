"""A pipeline in a child: what its ops do, and what becomes of it."""

from __future__ import annotations

import json

import pytest

from jupyter_chariots.errors import BadRequest, InvalidInput, NodeFailed, SerializationError

from .served import Called, body


def test_bad_input(workshop, run):
    async def work():
        async with Called(workshop, "play") as called:
            for content, error in (
                (b"{", BadRequest),
                (b"[]", BadRequest),
                (body([1], use_worker="yes"), BadRequest),
                (b"", InvalidInput),
                (b"null", InvalidInput),
                (body(None), InvalidInput),
            ):
                with pytest.raises(error) as refused:
                    await called.replicas.call(content)
                assert refused.value.status == 400
        async with Called(workshop, "alone") as called:
            for content in (b"", b"null", b"{}", body(None)):
                _, answer = await called.replicas.call(content)
                assert json.loads(answer)["pipeline_output"] == 1
            with pytest.raises(InvalidInput, match="takes no input"):
                await called.call([1])

    run(work())


def test_an_op_that_fails(workshop, run):
    async def work():
        async with Called(workshop, "play") as called:
            with pytest.raises(NodeFailed, match="too hot") as failed:
                await called.call(["raise", "too hot"])
            payload = failed.value.payload()
            assert (payload["pipeline"], payload["node"], payload["op"]) == (
                "play",
                "obeys",
                "obey",
            )
            assert "raise RuntimeError(text)" in payload["traceback"]
            with pytest.raises(NodeFailed, match=r"Node 'obeys' .* SystemExit"):
                await called.call(["leave"])
            with pytest.raises(SerializationError) as failed:
                await called.call(["strange"])
            assert "type object" in failed.value.message
            assert failed.value.details["node"] == "obeys"
            assert await called.output(["pid"]) in called.replicas.pids
            assert called.replicas.restarts == 0

    run(work())


def test_an_error_that_does_not_fit_into_an_answer(workshop, run):
    async def work():
        async with Called(workshop, "play") as called:
            pid = await called.output(["pid"])
            with pytest.raises(NodeFailed) as failed:
                await called.call(["complain", 100_000_000])
            assert failed.value.message.startswith("Node 'obeys'")
            assert failed.value.message.endswith("!!!")
            assert len(failed.value.message) < 50_000
            assert len(failed.value.traceback) < 50_000
            with pytest.raises(InvalidInput, match="odd") as refused:
                await called.call(["object"])
            assert "table" not in refused.value.details
            assert await called.output(["pid"]) == pid

    run(work())


def test_a_log_that_cannot_be_written_ends_nothing(workshop, run):
    async def work():
        async with Called(workshop, "play") as called:
            pid = await called.output(["pid"])
            log = workshop.launcher.logs / "play.log"
            log.with_name("play.log.1").mkdir()
            await called.call(["fill"])
            assert await called.output(["pid"]) == pid

    run(work())


def test_prints_go_to_a_log_that_stays_small(workshop, run):
    async def work():
        async with Called(workshop, "play") as called:
            await called.call(["print", "hello"])
            log = workshop.launcher.logs / "play.log"
            assert log.read_text() == "hello\nhello\n"
            await called.call(["fill"])
            await called.call(["print", "again"])
            assert log.read_text() == "again\nagain\n"

    run(work())


def test_runner_and_callbacks_of_the_configuration(workshop, run):
    async def work():
        async with Called(workshop, "play") as called:
            module = called.definition.owner
        async with Called(workshop, "play", callbacks=(f"{module}.Loud",)) as called:
            await called.call(["print", "hello"])
            log = workshop.launcher.logs / "play.log"
            assert log.read_text().startswith("before play\nhello\n")
        async with Called(workshop, "play", runner=f"{module}.Runner") as called:
            assert await called.output(["pid"]) == "by the runner"

    run(work())
