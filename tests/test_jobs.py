"""Syncs run in real child processes here; only the program they run is a stand-in."""

import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from rag import jobs as jobs_module
from rag.cli.index_commands import sync_request
from rag.cli.parser import make_parser
from rag.config import Config, config_environment, load_config
from rag.datatypes import Progress, Source
from rag.errors import IndexBusyError, RagError
from rag.job_process import JobFiles, spawn
from rag.job_store import Job
from rag.jobs import Jobs
from rag.sources import SourceEdit, SyncRequest, apply_request, exclusion, is_included
from rag.store import Store
from rag.sync_command import sync_arguments
from tests.fakes import wait_until

REPORT = """{"index_id": "b1", "documents": 1, "chunks": 2, "seconds": 0.5,
"plan": {"new": ["a.txt"]},
"files": [{"path": "a.txt", "status": "indexed", "reason": "", "chunks": 2}]}"""
PROGRESS = '{"stage": "read", "done": 1, "total": 2, "item": "a.txt"}'

GOOD = f"""
import sys
print('loading weights', file=sys.stderr)
print('{PROGRESS}', file=sys.stderr, flush=True)
print('''{REPORT}''')
"""
BAD = "import sys; print('error: The folder is empty.', file=sys.stderr); sys.exit(1)"
KILLED = "import os; os.kill(os.getpid(), 9)"
SLOW = f"""
import sys, time
print('{PROGRESS}', file=sys.stderr, flush=True)
time.sleep(60)
"""
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SLOW


@pytest.fixture
def config(tmp_path: Path) -> Config:
    (tmp_path / "documents").mkdir()
    return Config(state_dir=tmp_path / "state", index_dir=tmp_path / "index")


@pytest.fixture
def store(config: Config) -> Store:
    return Store(config.state_dir)


def run(config: Config, store: Store, script: str) -> tuple[Jobs, Job]:
    jobs = Jobs(config, store, program=(sys.executable, "-c", script))
    return jobs, jobs.start_sync(added(config.state_dir.parent / "documents"))


def added(folder: Path) -> SyncRequest:
    return SyncRequest(add=(SourceEdit(folder),))


def ended(store: Store) -> Job:
    wait_until(lambda: not store.jobs.live())
    job = store.jobs.latest("sync")
    assert job is not None
    return job


def has_progress(store: Store) -> bool:
    job = store.jobs.latest("sync")
    return job is not None and job.progress.stage == "read"


def test_a_sync_that_succeeds_leaves_its_report(config: Config, store: Store) -> None:
    run(config, store, GOOD)
    job = ended(store)
    assert (job.state, job.return_code, job.message) == ("done", 0, "")
    assert job.report is not None
    assert (job.report.documents, job.report.plan.new) == (1, ("a.txt",))
    assert job.report.files == ()  # the index has them
    assert job.progress == Progress("read", 1, 2, "a.txt")
    wait_until(lambda: not list((config.state_dir / "jobs").iterdir()))


def test_a_sync_that_fails_tells_its_reason(config: Config, store: Store) -> None:
    run(config, store, BAD)
    job = ended(store)
    assert (job.state, job.return_code) == ("failed", 1)
    assert job.message == "The folder is empty."


def test_a_sync_that_is_killed_names_its_log(config: Config, store: Store) -> None:
    run(config, store, KILLED)
    job = ended(store)
    assert (job.state, job.return_code) == ("failed", -9)
    assert str(config.state_dir / "jobs" / f"{job.id}.err") in job.message


def test_progress_shows_while_it_runs_and_a_second_sync_is_refused(
    config: Config, store: Store
) -> None:
    jobs, job = run(config, store, SLOW)
    wait_until(lambda: has_progress(store))
    with pytest.raises(IndexBusyError, match="updated already"):
        jobs.start_sync(SyncRequest())
    jobs.cancel(job.id)
    assert ended(store).state == "cancelled"


def test_cancel_ends_the_process_group(config: Config, store: Store) -> None:
    jobs, job = run(config, store, SLOW)
    wait_until(lambda: has_progress(store))
    assert job.pid is not None
    assert os.getpgid(job.pid) == job.pid
    jobs.cancel(job.id)
    assert ended(store).state == "cancelled"
    assert not psutil.pid_exists(job.pid)


def test_a_sync_that_ignores_cancel_is_killed(
    config: Config, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs_module, "KILL_AFTER_SECONDS", 0.3)
    jobs, job = run(config, store, STUBBORN)
    wait_until(lambda: has_progress(store))
    jobs.cancel(job.id)
    job = ended(store)
    assert (job.state, job.return_code) == ("cancelled", -signal.SIGKILL)


def test_a_new_server_takes_up_a_running_sync_and_tells_its_end(
    config: Config, store: Store
) -> None:
    script = f"import time; time.sleep(0.6)\n{GOOD}"
    job_id = store.jobs.add("sync", "/documents")
    # As an earlier server left it: a process that this one is not the supervisor of.
    process = spawn([sys.executable, "-c", script], JobFiles(config.state_dir / "jobs", job_id), {})
    store.jobs.set_process(job_id, process.pid, psutil.Process(process.pid).create_time())
    Jobs(config, store)
    job = ended(store)
    assert (job.state, job.return_code) == ("done", None)
    assert job.report is not None
    process.wait()


def test_a_sync_that_died_with_its_server_is_a_failure(config: Config, store: Store) -> None:
    job_id = store.jobs.add("sync", "/documents")
    store.jobs.set_process(job_id, os.getpid(), 1.0)  # this pid, but not this process
    Jobs(config, store)
    assert ended(store).state == "failed"
    assert "ended unexpectedly" in ended(store).message


def test_a_missing_folder_or_program_is_refused_in_words(config: Config, store: Store) -> None:
    with pytest.raises(RagError, match="is not a folder on this machine"):
        Jobs(config, store).start_sync(added(Path("/no/such/folder")))
    with pytest.raises(RagError, match="could not start"):
        Jobs(config, store, program=("/no/such/python",)).start_sync(SyncRequest())
    assert store.jobs.live() == []


def test_the_child_gets_the_command_line_of_the_contract(config: Config, store: Store) -> None:
    script = f"import sys; print(sys.argv[1:], file=sys.stderr)\n{BAD}"
    documents = config.state_dir.parent / "documents"
    jobs = Jobs(config, store, Path("my.toml"), program=(sys.executable, "-c", script))
    jobs.start_sync(added(documents))
    job = ended(store)
    log = (config.state_dir / "jobs" / f"{job.id}.err").read_text()
    assert f"['sync', '{documents}', '--json', '--progress', '--index', " in log
    assert log.count("'--config', 'my.toml']") == 1


def test_a_sync_that_would_lose_documents_can_be_repeated_on_purpose(
    config: Config, store: Store
) -> None:
    jobs, job = run(config, store, BAD)
    first = ended(store)
    jobs.repeat_allowing_shrink(first)
    second = ended(store)
    assert second.id > first.id
    assert second.subject == first.subject
    assert second.arguments == (*job.arguments, "--allow-shrink")


REQUESTS = [
    SyncRequest(),
    SyncRequest(
        add=(SourceEdit(Path("/a b"), "仕事", ("*.pdf",), ("-x", "/日本 [1].txt")),),
        drop=(Path("/old"),),
    ),
    SyncRequest(leave_out=("-a.txt", "b.txt"), take_in=("c.txt",)),
    SyncRequest(retry=("mail.eml",), retries_all=True),
]


@pytest.mark.parametrize("request_", REQUESTS)
def test_the_command_line_means_what_was_asked(request_: SyncRequest) -> None:
    parsed = make_parser().parse_args(["sync", *sync_arguments(request_)])
    assert sync_request(parsed) == request_


def test_patterns_can_be_taken_away_again(tmp_path: Path) -> None:
    known = Source(str(tmp_path), include=("*.pdf",), exclude=("*.txt",))
    cleared = SyncRequest(add=(SourceEdit(tmp_path, include=(), exclude=()),))
    parsed = make_parser().parse_args(["sync", *sync_arguments(cleared)])
    (source,) = apply_request([known], sync_request(parsed))
    assert is_included(source, "a.txt")
    assert exclusion(source, "a.txt") == ""
    assert exclusion(known, "a.txt") != ""


@pytest.mark.parametrize(
    "impossible",
    [
        SyncRequest(replaces=True),
        SyncRequest(add=(SourceEdit(Path("/a"), "one"), SourceEdit(Path("/b"), "two"))),
    ],
)
def test_what_no_command_line_can_say_is_refused(impossible: SyncRequest) -> None:
    with pytest.raises(ValueError, match=r"drop the others|need a sync each"):
        sync_arguments(impossible)


def test_a_killed_sync_takes_its_parsers_along(
    config: Config, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs_module, "KILL_AFTER_SECONDS", 0.3)
    # As parsers are: in a session of their own, so that the group's signal misses them.
    parser = "subprocess.Popen(['sleep', '60'], start_new_session=True)"
    jobs, job = run(config, store, f"import subprocess\n{parser}\n{STUBBORN}")
    wait_until(lambda: has_progress(store))
    assert job.pid is not None
    (child,) = psutil.Process(job.pid).children()
    assert os.getpgid(child.pid) != job.pid
    jobs.cancel(job.id)
    assert ended(store).state == "cancelled"
    wait_until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


def test_the_environment_gives_the_same_settings_again(tmp_path: Path) -> None:
    config = Config(index_dir=tmp_path, embed_languages=("en", "ja"), top_k=5, query_prefix="q: ")
    environment = config_environment(config)
    assert load_config(environ=environment) == Config(
        index_dir=tmp_path,
        models_dir=Path("models").absolute(),
        state_dir=Path("state").absolute(),
        embed_languages=("en", "ja"),
        top_k=5,
        query_prefix="q: ",
    )


# Trainings, their checks and activations

TRAINER = (sys.executable, "-c")
TRAINED = '{"run_id": "20261121-103000-tea", "state": "done", "model": "tea"}'


def train(config: Config, store: Store, script: str) -> tuple[Jobs, Job]:
    jobs = Jobs(config, store, training_program=(*TRAINER, script))
    return jobs, jobs.start_training(Path("/s/tea.toml"), "tea")


def ended_of(store: Store, kind: str) -> Job:
    wait_until(lambda: not store.jobs.live())
    job = store.jobs.latest(kind)
    assert job is not None
    return job


def test_what_a_training_says_last_is_its_result(config: Config, store: Store) -> None:
    train(config, store, f"print('{{\"noise\": 1}}'); print('{TRAINED}')")
    job = ended_of(store, "training")
    assert (job.state, job.subject, job.result["model"]) == ("done", "tea", "tea")


def test_each_command_of_the_training_side_gets_its_arguments(config: Config, store: Store) -> None:
    jobs = Jobs(config, store, training_program=(*TRAINER, "import sys, json; "
                "print(json.dumps({'argv': sys.argv[1:]}))"))  # fmt: skip
    started = [
        jobs.start_check(Path("/s/tea.toml")), jobs.start_training(Path("/s/tea.toml"), "tea"),
    ]  # fmt: skip
    wait_until(lambda: not store.jobs.live())
    started += [jobs.resume_training("r1"), jobs.start_activation("tea")]
    wait_until(lambda: not store.jobs.live())
    started.append(jobs.start_rollback("old"))
    wait_until(lambda: not store.jobs.live())
    found = [job for one in started if (job := store.jobs.by_id(one.id)) is not None]
    assert [job.result["argv"] for job in found] == [
        ["check", "--training", "/s/tea.toml", "--json", "--progress"],
        ["run", "--config", "/s/tea.toml", "--json", "--progress"],
        ["run", "--resume", "r1", "--json", "--progress"],
        ["activate", "tea", "--json"],
        ["rollback", "--json"],
    ]


def test_a_sync_and_a_training_go_side_by_side_but_not_two_trainings(
    config: Config, store: Store
) -> None:
    jobs = Jobs(
        config, store, program=(*TRAINER, SLOW), training_program=(*TRAINER, SLOW)
    )  # fmt: skip
    sync = jobs.start_sync(SyncRequest())
    training = jobs.start_training(Path("/s/tea.toml"), "tea")
    with pytest.raises(RagError, match="Another training is under way"):
        jobs.resume_training("r1")
    jobs.cancel(sync.id)
    jobs.cancel(training.id)
    assert ended_of(store, "training").state == "cancelled"


def test_a_stopped_training_has_time_to_keep_its_checkpoint(
    config: Config, store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(jobs_module, "KILL_AFTER_SECONDS", 0.1)  # that of a sync
    kept = tmp_path / "checkpoint"
    script = f"""
import pathlib, signal, sys, time
def stop(*_):
    time.sleep(0.8)
    pathlib.Path({str(kept)!r}).touch()
    print('{{"run_id": "r1", "state": "stopped", "model": ""}}')
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
{SLOW}"""
    jobs, job = train(config, store, script)
    wait_until(lambda: (store.jobs.latest("training") or job).progress.stage == "read")
    jobs.cancel(job.id)
    ended = ended_of(store, "training")
    assert (ended.state, ended.result["run_id"]) == ("cancelled", "r1")
    assert kept.exists()


def test_a_training_that_will_not_stop_is_killed_in_the_end(
    config: Config, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs_module, "TRAINING_KILL_AFTER_SECONDS", 0.3)
    jobs, job = train(config, store, STUBBORN)
    wait_until(lambda: (store.jobs.latest("training") or job).progress.stage == "read")
    jobs.cancel(job.id)
    ended = ended_of(store, "training")
    assert (ended.state, ended.return_code) == ("cancelled", -signal.SIGKILL)


def test_a_check_that_forbids_to_train_is_done_and_one_that_fails_is_not(
    config: Config, store: Store
) -> None:
    blocked = "import sys, json; print(json.dumps({'blocking': ['x']}, indent=2)); sys.exit(1)"
    Jobs(config, store, training_program=(*TRAINER, blocked)).start_check(Path("/s/tea.toml"))
    job = ended_of(store, "check")
    assert (job.state, job.result) == ("done", {"blocking": ["x"]})
    Jobs(config, store, training_program=(*TRAINER, BAD)).start_check(Path("/s/tea.toml"))
    job = ended_of(store, "check")
    assert (job.state, job.message, job.result) == ("failed", "The folder is empty.", {})


def test_a_training_that_is_killed_says_which_job_it_was(config: Config, store: Store) -> None:
    train(config, store, KILLED)
    assert ended_of(store, "training").message.startswith(
        "The training ended unexpectedly with code -9. Its log is "
    )
