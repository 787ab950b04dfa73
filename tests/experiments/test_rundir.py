"""Run directories: complete or absent, and every change to them is noticed."""

import json
import os
from datetime import UTC, datetime

import pytest
from marketlab.data.disk import sha256_of
from marketlab.errors import RunError
from marketlab.experiments import rundir


@pytest.fixture
def sealed(tmp_path):
    partial = rundir.open_partial(tmp_path / "outputs", "demo", "20260101-000000-ridge-abcd")
    (partial / "folds" / "00").mkdir(parents=True)
    (partial / "folds" / "00" / "scaler.json").write_text("{}")
    (partial / "metrics.json").write_text("{}")
    return rundir.seal(partial, {"name": "demo"})


def test_run_ids_sort_by_time_and_differ():
    first = rundir.new_run_id("ridge", datetime(2026, 1, 1, tzinfo=UTC))
    second = rundir.new_run_id("har", datetime(2026, 1, 2, tzinfo=UTC))
    assert first < second
    assert first.startswith("20260101-000000-ridge-")
    assert first != rundir.new_run_id("ridge", datetime(2026, 1, 1, tzinfo=UTC))


def test_sealing_renames_and_lists_every_file(sealed):
    assert sealed.name == "20260101-000000-ridge-abcd"
    assert not list(sealed.parent.glob(".partial-*"))
    manifest = rundir.read_manifest(sealed)
    assert set(manifest["files"]) == {"folds/00/scaler.json", "metrics.json"}
    assert manifest["format"] == rundir.FORMAT
    assert rundir.listed(manifest, sealed, "metrics.json") == sealed / "metrics.json"


def refused(directory, words):
    with pytest.raises(RunError, match=words) as caught:
        rundir.read_manifest(directory)
    assert "\n" not in str(caught.value)


def test_a_changed_file_is_refused(sealed):
    (sealed / "metrics.json").write_text('{"skill": 1}')
    refused(sealed, "metrics.json was changed")


def test_a_folder_of_runs_names_the_newest(sealed):
    refused(sealed.parent, f"holds runs and is none: give the newest, .*{sealed.name}")


def test_a_lost_file_is_refused(sealed):
    (sealed / "metrics.json").unlink()
    refused(sealed, "lacks its file metrics.json")


def test_a_file_outside_is_refused(sealed, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("x")
    manifest = json.loads((sealed / "manifest.json").read_text())
    manifest["files"]["../../../secret"] = sha256_of(secret)
    (sealed / "manifest.json").write_text(json.dumps(manifest))
    refused(sealed, "lacks its file")


def test_a_file_that_is_not_listed_is_refused(sealed):
    (sealed / "extra.json").write_text("{}")
    with pytest.raises(RunError, match="lacks its file extra"):
        rundir.listed(rundir.read_manifest(sealed), sealed, "extra.json")


def test_a_newer_format_is_refused(sealed):
    manifest = json.loads((sealed / "manifest.json").read_text())
    manifest["format"] = rundir.FORMAT + 1
    (sealed / "manifest.json").write_text(json.dumps(manifest))
    refused(sealed, "upgrade")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"format": 1, "files": 3}', "[" * 100_000])
def test_a_damaged_manifest_is_refused(sealed, text):
    (sealed / "manifest.json").write_text(text)
    refused(sealed, "not the manifest of a run")


def test_a_missing_run_names_the_newest_beside_it(sealed):
    refused(sealed.with_name("typo"), "newest one there is 20260101-000000-ridge-abcd")
    refused(sealed.parent.with_name("other") / "run", "no such run directory")


def test_a_partial_run_is_refused(tmp_path):
    refused(rundir.open_partial(tmp_path, "demo", "id"), "not complete")


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "outputs").write_text("a file, not a folder")
    with pytest.raises(RunError, match=r"paths\.outputs") as caught:
        rundir.open_partial(tmp_path / "outputs", "demo", "id")
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_one_line(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(RunError, match="cannot write runs there"):
        rundir.open_partial(tmp_path, "demo", "id")


@pytest.mark.parametrize("name", ["nul\0", "long" * 5000])
def test_a_name_that_no_file_can_have_is_one_line(sealed, name):
    path = sealed / "manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps(manifest | {"files": {name: "0" * 64}}))
    with pytest.raises(RunError, match="cannot be read") as error:
        rundir.read_manifest(sealed)
    assert "\n" not in str(error.value)


def test_a_model_of_a_subfolder_makes_no_nested_run():
    assert "/" not in rundir.new_run_id("mine/net")
