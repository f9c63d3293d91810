"""Crashes, full disks, clusters and object stores: the next run finishes the same bytes."""

import itertools
import json
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import s3fs

from dataset import open_store, store_digest
from dataset.shards import missing_shards, shard_file
from pipelines.rendering.executors import Runner, Threads

COUNT = 230
"""Batches of the stores here: four whole shards and a part."""


def command(url, *more, count=COUNT, program="render-batches"):
    words = ["--store", url, "--factor", "elevation", "--n", count, "--size", 48, *more]
    return [sys.executable, "-m", "pipelines", program, *map(str, words)]


def run(url, *more, **changes):
    return subprocess.run(command(url, *more, **changes), capture_output=True, text=True, timeout=250)


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    """A store that was made at once, by one worker."""
    url = tmp_path_factory.mktemp("straight") / "faces.zarr"
    done = run(url, "--workers", 1)
    assert done.returncode == 0, done.stderr
    return url


@pytest.mark.parametrize("workers", [2, 4])
def test_any_number_of_workers_gives_the_same_files(straight, tmp_path, array_files, workers):
    assert run(tmp_path / "s", "--workers", workers).returncode == 0
    assert array_files(tmp_path / "s") == array_files(straight)


def test_growing_in_steps_gives_the_same_files(straight, tmp_path, array_files):
    for count in (30, 120, COUNT):
        assert run(tmp_path / "s", count=count).returncode == 0
    assert array_files(tmp_path / "s") == array_files(straight)


def test_two_parts_at_once_give_the_same_files(straight, tmp_path, array_files):
    both = [subprocess.Popen(command(tmp_path / "s", "--part", f"{i}/2", "--workers", 1)) for i in range(2)]
    assert [process.wait(timeout=250) for process in both] == [0, 0]
    assert array_files(tmp_path / "s") == array_files(straight)


def kill_at_random_moments(url, kills, rng, after):
    """Start the run again and again and kill it; returns the shards that were complete each time."""
    seen = []
    for kill in range(kills):
        process = subprocess.Popen(command(url, "--workers", 2), stderr=subprocess.PIPE, text=True)
        # The clock starts when there is something to lose: first the store itself, then its arrays.
        begun = url / ("train/elevation/digest/zarr.json" if kill else "zarr.json")
        while not begun.exists() and process.poll() is None:
            time.sleep(0.01)
        try:
            process.wait(timeout=rng.uniform(*after))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        process.communicate()
        if (url / "train/elevation/digest/zarr.json").exists():
            store = open_store(url)
            if store.batches("train", "elevation"):
                seen.append(set(range(5)) - set(missing_shards(store, "train", "elevation")))
    return seen


def assert_finished_alike(url, straight, array_files):
    done = run(url)
    assert done.returncode == 0, done.stderr
    assert array_files(url) == array_files(straight)
    assert not list(Path(url).rglob("*.partial"))


def test_kills_at_random_moments_lose_nothing(straight, tmp_path, array_files):
    seen = kill_at_random_moments(tmp_path / "s", 3, random.Random(1), (0.1, 2.0))
    assert seen
    assert all(earlier <= later for earlier, later in itertools.pairwise(seen))  # nothing complete is lost
    assert_finished_alike(tmp_path / "s", straight, array_files)


@pytest.mark.long
def test_twenty_kills_at_random_moments_lose_nothing(straight, tmp_path, array_files):
    rng = random.Random(2)
    for k in range(5):  # a new store each time, or most kills would find it finished
        url = tmp_path / f"s{k}"
        seen = kill_at_random_moments(url, 4, rng, (0.8, 2.2))
        assert seen
        assert len(seen[0]) < 5  # the first kills met a run at work
        assert all(earlier <= later for earlier, later in itertools.pairwise(seen))
        assert_finished_alike(url, straight, array_files)


def test_what_is_complete_is_not_drawn_again(tmp_path):
    assert run(tmp_path / "s").returncode == 0
    store = open_store(tmp_path / "s")
    files = [Path(store.files.path(shard_file(store, "train", "elevation", "image", k))) for k in range(5)]
    files[2].write_bytes(files[2].read_bytes()[:-1])  # half-written
    before = [path.stat().st_mtime_ns for path in files]
    assert run(tmp_path / "s").returncode == 0
    after = [path.stat().st_mtime_ns for path in files]
    assert [a == b for a, b in zip(before, after, strict=True)] == [True, True, False, True, True]


def test_an_interrupt_ends_within_two_seconds(tmp_path):
    words = command(tmp_path / "s", "--channels", "mask,depth,normal", count=4000)
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    while not list(tmp_path.glob("s/train/elevation/digest/c/*")):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    asked = time.monotonic()
    said = process.communicate(timeout=60)[1]
    assert time.monotonic() - asked < 2
    assert process.returncode == 1
    assert "run the same command to resume" in said
    assert "Traceback" not in said


def test_a_full_disk_is_said_in_a_line_and_mended_by_the_next_run(straight, tmp_path, array_files):
    largest = max(p.stat().st_size for p in Path(straight).rglob("*") if p.is_file())

    def smaller_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest - 1, largest - 1))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # writing then fails instead of killing

    full = subprocess.run(command(tmp_path / "s"), preexec_fn=smaller_files, capture_output=True, text=True)
    assert full.returncode == 1
    assert len(full.stderr.splitlines()) == 1
    assert "File too large" in full.stderr
    assert "run the same command" in full.stderr
    assert missing_shards(open_store(tmp_path / "s"), "train", "elevation")
    assert_finished_alike(tmp_path / "s", straight, array_files)


@pytest.mark.parametrize("flips", [6, pytest.param(60, marks=pytest.mark.long)])
def test_every_flipped_bit_is_found_and_repaired(straight, dcign, tmp_path, array_files, flips):
    assert run(tmp_path / "s").returncode == 0
    before, rng = array_files(tmp_path / "s"), np.random.Generator(np.random.Philox(flips))
    shards = [p for p in sorted((tmp_path / "s/train").rglob("c/*")) if p.is_file()]
    shards += [p for p in sorted((tmp_path / "s/train").rglob("c/**/0")) if p.is_file()]
    assert len(set(shards)) == 5 * 7  # image, mask, factors, identity, shape, albedo, digest
    for _ in range(flips):
        path = shards[rng.integers(len(shards))]
        data = bytearray(path.read_bytes())
        data[rng.integers(len(data))] ^= 1 << int(rng.integers(8))
        path.write_bytes(bytes(data))
        said = dcign("verify-store", tmp_path / "s", "--frames", 0)
        assert said.code == 1
        assert "--repair" in said.out
        assert dcign("verify-store", tmp_path / "s", "--frames", 0, "--repair").code == 0
        assert array_files(tmp_path / "s") == before


@pytest.fixture
def cluster(tmp_path):
    """A scheduler and two workers, as processes; kills what is left."""
    processes = []

    def start(*words):
        process = subprocess.Popen(
            [sys.executable, "-m", "distributed.cli." + words[0], *map(str, words[1:])],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=tmp_path,
        )
        processes.append(process)
        return process

    file = tmp_path / "scheduler.json"
    scheduler = start("dask_scheduler", "--scheduler-file", file, "--port", 0, "--no-dashboard")
    workers = [
        start("dask_worker", "--scheduler-file", file, "--nthreads", 1, "--no-dashboard", "--no-nanny")
        for _ in range(2)
    ]
    while not (file.exists() and file.read_text()):  # it is there before it is written
        time.sleep(0.05)
    yield json.loads(file.read_text())["address"], workers, scheduler
    for process in processes:
        process.kill()
        process.wait()


def test_a_dask_cluster_that_loses_a_worker_gives_the_same_files(straight, tmp_path, array_files, cluster):
    address, workers, _ = cluster
    process = subprocess.Popen(command(tmp_path / "s", "--dask", address), stderr=subprocess.PIPE, text=True)
    while not list(tmp_path.glob("s/train/elevation/image/c/0/**/*")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    workers[0].kill()
    said = process.communicate(timeout=200)[1]
    assert process.returncode == 0, said
    assert array_files(tmp_path / "s") == array_files(straight)
    # A worker that was killed after writing a shard, but before saying so, leaves it without a line.
    assert len((tmp_path / "s/runs.jsonl").read_text().splitlines()) in (4, 5)


def test_what_a_lost_worker_was_writing_goes_at_the_end_of_the_run(tmp_path, monkeypatch, dcign):
    """Its shard is drawn by another worker, and its temporary file is nobody's."""
    halves = []

    class Losing(Threads):
        def run(self, work):
            super().run(work)
            shard = Path(work.store.files.path(shard_file(work.store, "train", "elevation", "image", 0)))
            halves.append(shard.with_name("0.abc.partial"))
            halves[0].write_bytes(b"half")

    monkeypatch.setattr(Runner, "executor", lambda *_: Losing(1))
    words = command(tmp_path / "s", count=3)[3:]
    assert dcign(*words).code == 0
    assert len(halves) == 1
    assert not halves[0].exists()


def test_a_cluster_that_stays_up_keeps_nothing_of_an_older_store(tmp_path, array_files, cluster):
    address, url = cluster[0], tmp_path / "s"
    assert run(url, "--dask", address, count=60).returncode == 0
    grown = run(f"file://{url}", "--dask", address, count=120)  # the same place, as a URL
    assert grown.returncode == 0, grown.stderr
    shutil.rmtree(url)
    assert run(url, "--dask", address, "--seed", 5, count=60).returncode == 0
    assert run(tmp_path / "alone", "--seed", 5, count=60).returncode == 0
    assert array_files(url) == array_files(tmp_path / "alone")


def test_a_scheduler_that_is_lost_is_said_in_a_line(tmp_path, cluster):
    process = subprocess.Popen(
        command(tmp_path / "s", "--dask", cluster[0], count=4000), stderr=subprocess.PIPE, text=True
    )
    while not list(tmp_path.glob("s/train/elevation/digest/c/*")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    cluster[2].kill()
    said = process.communicate(timeout=200)[1]
    assert process.returncode == 1
    assert "is gone" in said
    assert "Traceback" not in said


def test_no_scheduler_is_said_in_a_line(refused, tmp_path):
    words = ("--store", tmp_path / "s", "--factor", "light", "--n", 1, "--size", 16, "--dask", "tcp://127.0.0.1:9")
    assert "no Dask scheduler answers at tcp://127.0.0.1:9" in refused("render-batches", *words)


@pytest.fixture
def bucket(monkeypatch, tmp_path):
    """A server that speaks S3, on loopback; gives the URL of a bucket."""
    log = tmp_path / "server.log"
    with log.open("w") as file:
        server = subprocess.Popen([sys.executable, "-m", "moto.server", "-p", "0"], stderr=file)
    while not (found := re.search(r"Running on http://127.0.0.1:(\d+)", log.read_text())):
        assert server.poll() is None, log.read_text()
        time.sleep(0.05)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{found[1]}")
    for name, value in (("ACCESS_KEY_ID", "a"), ("SECRET_ACCESS_KEY", "b"), ("DEFAULT_REGION", "us-east-1")):
        monkeypatch.setenv(f"AWS_{name}", value)
    s3fs.S3FileSystem(skip_instance_cache=True).mkdir("faces")
    yield "s3://faces"
    server.kill()
    server.wait()


def test_a_store_on_s3_holds_the_same_objects(straight, tmp_path, array_files, bucket, dcign):
    url = f"{bucket}/store.zarr"
    assert run(url, count=120).returncode == 0
    done = run(url)
    assert done.returncode == 0, done.stderr
    files = s3fs.S3FileSystem(skip_instance_cache=True)
    files.get(url, str(tmp_path / "copy"), recursive=True)
    assert array_files(tmp_path / "copy") == array_files(straight)
    assert store_digest(open_store(url)) == store_digest(open_store(straight))
    files.rm(f"{url}/train/elevation/image/c/2/0/0/0")
    assert dcign("verify-store", url, "--frames", 2).code == 1
    assert dcign("verify-store", url, "--frames", 2, "--repair").code == 0
    assert len(files.cat(f"{url}/runs.jsonl").splitlines()) == 7  # 3, then 3 with the one that was grown, 1 repaired
