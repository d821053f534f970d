"""Every part of the benchmark runs, on a tiny model. Its measurements are not judged here."""

import json

import pytest
from bench.bench_engine import PARTS, main
from bench.tiny_config import TINY


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """Run all parts, and return the parts of the JSON file."""
    folder = tmp_path_factory.mktemp("bench")
    (folder / "config.json").write_text(json.dumps(TINY))
    model = ["--random-weights", str(folder), "--device", "cpu"]
    size = ["--people", "1", "3", "--tokens", "6", "--repeats", "1", "--requests", "30"]
    contexts = ["--contexts", "200", "9000"]
    main([*model, *size, *contexts, "--json", str(folder / "out.json")])
    return json.loads((folder / "out.json").read_text())["parts"]


def test_every_part_is_measured(parts):
    assert list(parts) == list(PARTS)


def test_the_engine_generates_the_text_of_generate(parts):
    rows = [row for row in parts["a"]["rows"] if row["way"] != "threads of generate"]
    assert [row["same_texts"] for row in rows] == [1, 1, 3, 3]
    assert all(row["ratio_to_threads"] for row in rows if row["way"] == "this engine")


def test_an_hour_leaves_every_slot_free(parts):
    assert parts["e"]["goals"][0]["reached"]
    assert sum(parts["e"]["kinds"].values()) == 30


def test_a_context_that_does_not_fit_is_left_out(parts):
    assert [row["context"] for row in parts["g"]["rows"]] == [200]


def test_answer_now_is_timed_where_there_is_a_thought(tmp_path):
    main(["--device", "cpu", "--only", "f", "--json", str(tmp_path / "out.json")])
    part = json.loads((tmp_path / "out.json").read_text())["parts"]["f"]
    assert part["cut"]
    assert [goal["limit"] for goal in part["goals"]] == [2, 2]


def test_an_unknown_part_is_refused(capsys):
    with pytest.raises(SystemExit):
        main(["--only", "a,z"])
    assert "no part z" in capsys.readouterr().err
