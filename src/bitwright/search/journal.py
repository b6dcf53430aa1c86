"""The journal of a study: Optuna's journal file in a folder, with one writer, sound after a kill at any time."""

from __future__ import annotations

import json
import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bitwright.core.errors import ConfigError, StorageError
from bitwright.core.files import write_atomic
from bitwright.search.space import Configuration, Json, Space
from bitwright.search.suggest import optuna, quiet
from bitwright.search.trial import Outcome, State, Trial

__all__ = ["Journal"]

_NAME = "search"


class Journal:
    """The trials of a study on disk.

    `folder` holds `study.json` (what the study is, written once), `journal.log` (Optuna's journal: `optuna.load_study`
    and its dashboard read it) and `trials/`. A line of the journal is one change and is on disk when the call
    returns; a last line that a kill cut off is dropped at the next opening.
    """

    def __init__(self, folder: Path, space: Space, directions: tuple[str, ...], facts: Mapping[str, Any]) -> None:
        self.folder = folder
        self._lines = folder / "journal.log"
        self._space = space
        optuna()  # refuses before anything is written
        with self._alone() as alone:
            if not alone and not self._lines.exists():
                raise self._busy()
            _agree(folder / "study.json", facts)
            if alone:
                self._repair()
            with quiet():
                self._study = self._open(directions)

    @contextmanager
    def writing(self) -> Generator[None]:
        """While this lasts no other process may write; raises `StorageError` if one already may."""
        with self._alone() as alone:
            if not alone:
                raise self._busy()
            yield

    def _busy(self) -> StorageError:
        remedy = "wait for it, or name another folder"
        return StorageError("another process searches here", where=str(self.folder), remedy=remedy)

    @contextmanager
    def _alone(self) -> Generator[bool]:
        """True if no other process writes, and then none can while this lasts."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            stream = (self.folder / "lock").open("a")
        except OSError as error:
            remedy, where = "name a folder that can be written", str(self.folder)
            raise StorageError("no study can be kept here", where=where, why=str(error), remedy=remedy) from error
        with stream:
            yield _locked(stream)

    def _repair(self) -> None:
        """Drop what a killed process left half written: the tail after the last newline."""
        data = self._lines.read_bytes() if self._lines.exists() else b""
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            with self._lines.open("r+b") as stream:
                stream.truncate(whole)

    def _open(self, directions: tuple[str, ...]) -> Any:
        storage = optuna().storages.JournalStorage(_Lines(self._lines))
        return optuna().create_study(
            storage=storage, study_name=_NAME, directions=list(directions), load_if_exists=True
        )

    def read(self) -> list[Trial]:
        """All trials by number."""
        return [self._trial(frozen) for frozen in self._study.get_trials(deepcopy=False)]

    def start(self, configuration: Configuration, marks: Mapping[str, Json], repeats: int | None) -> Trial:
        """Log a running trial, with the next number."""
        distribution = optuna().distributions.CategoricalDistribution
        template = optuna().trial.create_trial(
            state=optuna().trial.TrialState.RUNNING,
            params=dict(configuration),
            distributions={choice.name: distribution(choice.options) for choice in self._space},
            system_attrs=dict(marks),
            user_attrs={} if repeats is None else {"repeats": repeats},
        )
        identifier = self._study._storage.create_new_trial(self._study._study_id, template)
        number = self._study._storage.get_trial_number_from_id(identifier)
        return Trial(number, dict(configuration), State.RUNNING, repeats=repeats, marks=dict(marks))

    def finish(self, trial: Trial) -> None:
        """Log the end of a running trial. The state comes last: until then the trial counts as running."""
        storage, study = self._study._storage, self._study._study_id
        identifier = storage.get_trial_id_from_study_id_trial_number(study, trial.number)
        for step, value in trial.reports:
            storage.set_trial_intermediate_value(identifier, step, value)
        notes: dict[str, Any] = {"seconds": trial.seconds, "reports": [list(report) for report in trial.reports]}
        if trial.error:
            notes["error"] = trial.error
        if trial.outcome:
            notes["facts"] = dict(trial.outcome.facts)
            storage.set_trial_system_attr(identifier, "constraints", list(trial.outcome.violations))
        for key, note in notes.items():
            storage.set_trial_user_attr(identifier, key, note)
        state = getattr(optuna().trial.TrialState, _STATES[trial.state])
        storage.set_trial_state_values(identifier, state, trial.outcome.values if trial.outcome else None)

    def _trial(self, frozen: Any) -> Trial:
        state = next(state for state, name in _STATES.items() if name == frozen.state.name)
        marks = dict(frozen.system_attrs)
        violations = tuple(marks.pop("constraints", ()))
        notes = frozen.user_attrs
        if state is State.RUNNING:  # a kill between the lines of its end leaves some of them
            notes = {"repeats": notes.get("repeats")}
        outcome = None
        if state is State.COMPLETE:
            outcome = Outcome(tuple(frozen.values), violations, notes.get("facts", {}))
        configuration = {choice.name: frozen.params[choice.name] for choice in self._space}
        reports = tuple((step, value) for step, value in notes.get("reports", ()))
        seconds, error = notes.get("seconds", 0.0), notes.get("error", "")
        return Trial(frozen.number, configuration, state, outcome, error, seconds, notes.get("repeats"), reports, marks)


_STATES = {State.RUNNING: "RUNNING", State.COMPLETE: "COMPLETE", State.PRUNED: "PRUNED", State.FAILED: "FAIL"}


class _Lines:
    """Optuna's journal file, written under the study's own lock (Optuna's would outlive a killed process).

    Lines outlive a kill of the process at once; they are forced to the disk, which takes milliseconds, when a trial
    ends, and all lines before with it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = optuna().storages.journal.JournalFileBackend(str(path))
        self.read_logs = self._file.read_logs

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        lines = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs)
        with self._path.open("ab") as stream:
            size = stream.tell()
            try:
                stream.write(lines.encode())
                stream.flush()
                if any("state" in log and "trial_id" in log for log in logs):
                    os.fsync(stream.fileno())
            except OSError as error:
                os.truncate(self._path, size)
                remedy, where = "free some space and search again: it goes on from here", str(self._path)
                raise StorageError("a line cannot be written", where=where, why=str(error), remedy=remedy) from error


def _locked(stream: Any) -> bool:
    """An advisory lock that the system drops with the process; where there is none (Windows) one writer is trusted."""
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _agree(path: Path, facts: Mapping[str, Any]) -> None:
    """Write what the study is, or compare with what it was; raises `ConfigError` naming what differs."""
    now: dict[str, Any] = json.loads(json.dumps(facts))
    if not path.exists():
        write_atomic(path, json.dumps(now, indent=1) + "\n")
        return
    try:
        before: dict[str, Any] = json.loads(path.read_text())
    except ValueError as error:
        remedy = "restore the file, or name another folder"
        raise StorageError("the study cannot be read", where=str(path), why=str(error), remedy=remedy) from error
    for name in sorted(before.keys() | now.keys()):
        old, new = before.get(name), now.get(name)
        if json.dumps(old) != json.dumps(new):
            raise ConfigError(
                f"the study there has another {name}: {_short(old)}, not {_short(new)}",
                where=str(path.parent),
                remedy=f"give the same {name} to go on, or another folder to start anew",
            )


def _short(fact: Any) -> str:
    text = json.dumps(fact)
    return text if len(text) < 200 else text[:200] + "..."
