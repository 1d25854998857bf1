from jupyter_chariots import JobStatus, PipelineResponse, Version

VERSION = Version()


def test_from_json():
    body = {
        "pipeline_output": [0],
        "versions": {"pca": str(VERSION)},
        "job_id": None,
        "job_status": "done",
        "run_id": "r1",
    }
    response = PipelineResponse.from_json(body)
    assert response == PipelineResponse([0], {"pca": VERSION}, None, JobStatus.DONE, "r1")


def test_it_shows_what_there_is():
    assert repr(PipelineResponse(None)) == "<PipelineResponse done>\n  value: None"
    versions = {"pca": VERSION, "classifier": VERSION}
    response = PipelineResponse([0], versions, "j1", JobStatus.DONE, "r1")
    assert repr(response).splitlines() == [
        "<PipelineResponse done>",
        "  value: [0]",
        "  versions:",
        f"    pca         {VERSION!r}",
        f"    classifier  {VERSION!r}",
        "  run_id: r1",
        "  job_id: j1",
    ]
    response = PipelineResponse(None, {}, "j1", JobStatus.QUEUED)
    assert repr(response).splitlines() == [
        "<PipelineResponse queued>",
        "  job_id: j1",
        "  client.wait(…) gives its output",
    ]


def test_a_long_value_is_cut():
    text = repr(PipelineResponse(list(range(100_000))))
    assert len(text) < 1100
    assert text.endswith("…")
