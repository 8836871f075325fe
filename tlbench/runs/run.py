"""What a run is: seeds → data → model ← source weights → task → fit → test → record."""

from __future__ import annotations

import time
import traceback
from dataclasses import replace
from pathlib import Path

import lightning.pytorch as pl
import torch

from tlbench.adaptation.advice import advise
from tlbench.adaptation.freezing import tensors_hash
from tlbench.config import TrainConfig
from tlbench.config.arms import arm_name
from tlbench.console import complain, shown
from tlbench.data.audit_texts import alike_in_test, lines_of
from tlbench.data.groups import leaked, of_test, shared_groups
from tlbench.data.loader import check_batch_size
from tlbench.data.target_module import TargetModule
from tlbench.data.was_read import WasRead, lines
from tlbench.errors import OutputError, UserError, WeightsError
from tlbench.loggers.build import FigureWriter, begin_logging, build_loggers, conclude_logging, log_result
from tlbench.loggers.status import Status
from tlbench.networks.build import build_network
from tlbench.processes.rank import is_first_process
from tlbench.processes.team import ProcessLost, Team
from tlbench.records.folder import (
    BEST_CHECKPOINT,
    BY_LOOKS,
    BY_OPTION,
    PREDICTIONS_FILE,
    begin,
    check_still_there,
    tidy,
)
from tlbench.records.progress import remove_progress
from tlbench.records.record import (
    DataRecord,
    ErrorRecord,
    Record,
    write_record,
)
from tlbench.records.sidecars import write_groups
from tlbench.records.tuning import tuning_of
from tlbench.runs.checkpoints import find_resumable
from tlbench.runs.describe import describe_network, load_best
from tlbench.runs.known import Built, Known
from tlbench.runs.notices import notice
from tlbench.runs.open_data import open_data
from tlbench.runs.own_parts import code_record, import_own_code
from tlbench.runs.pictures import keep_examples, show_training
from tlbench.runs.trainer import build_trainer
from tlbench.sources.load import apply_source
from tlbench.system.atomic import output_errors
from tlbench.system.cache_folder import OF_THE_CACHE
from tlbench.system.hashing import file_sha256
from tlbench.system.interrupts import Interrupted, Signals, interruptible
from tlbench.system.names import as_text, check_class_names
from tlbench.system.voice import PRINTING, Voice
from tlbench.tasks.base import CODE, Task
from tlbench.tasks.registry import spec_of
from tlbench.tasks.wing import Tested, Wing
from tlbench.tasks.wings import wing_of
from tlbench.trust.loading import noting
from tlbench.trust.names import code_names


def run(config: TrainConfig, folder: Path, resumes: int = 0, voice: Voice = PRINTING) -> Record:
    """Train, choose the best checkpoint on validation, test it once (with `test=true`), and write the run record.

    A run of the same configuration that stopped in this folder is taken up at its last checkpoint.

    Args:
        config: The run's configuration.
        folder: Everything is written there; it must not hold a run of another configuration.
        resumes: How often this run was taken up before.
        voice: Speaks to the user.

    Returns:
        The record of the complete run, as written to `record.json`; of several processes only the first writes.

    Raises:
        UserError: The input is at fault; the record says `failed`.
        Interrupted: A signal asked to stop; the record says `interrupted`.
        Exception: The run failed; the record says `failed` and holds the traceback.
    """
    team = Team(config, folder)
    if is_first_process():
        begin(folder, config.model_dump(mode="json"))
    this = _Run(config, folder, team, resumes, voice)
    team.on_loss = this.lost
    with interruptible() as signals:
        try:
            with output_errors(folder):
                built = this.build(signals)
                this.fit(built)
                this.choose(built)
                if config.test:
                    this.test(built)
                check_still_there(folder)
                team.leave(orderly=True)
        except Interrupted:
            this.end("interrupted")
            raise
        except Exception as error:
            cause = _removal(folder) or team.cause(error)
            text = None if isinstance(cause, UserError) else traceback.format_exc()
            reason = ErrorRecord(type=type(cause).__name__, message=str(cause), traceback=text)
            this.end("failed", reason)
            if cause is error:
                raise
            raise cause from error
        finally:
            team.leave(orderly=False)
    return this.end("complete")


def _removal(folder: Path) -> OutputError | None:
    """That the run's folder was removed, which may show as any error."""
    try:
        check_still_there(folder)
    except OutputError as error:
        return error
    return None


class _Run(Known):
    """Takes a run through its steps."""

    @property
    def wing(self) -> Wing:
        """What the run's task has of its own."""
        return wing_of(self.config)

    def build(self, signals: Signals) -> Built:
        """Seeds first, then data, model, source weights, task and Trainer."""
        c = self.config
        self.tuning = tuning_of(c, self.folder)
        pl.seed_everything(c.seeds.init, verbose=False)
        files: dict[str, str] = {}
        try:
            with noting(code_names(c)) as files:
                import_own_code(c)
                module, task = self._task()
        finally:
            self.code = code_record(c, files)
        task.identity[CODE] = self.code.sha256() if self.code else None
        last = find_resumable(self.folder, task.identity, self.voice)
        self.loggers = build_loggers(c, self.folder, last.step if last else 0, self.voice)
        parts = build_trainer(c, task, self.folder, self.loggers, signals, self.voice, self.team)
        if last is not None:
            self.resumes += 1
            self.voice.say(f"goes on from {shown(last.path)} (step {last.step})")
        assert self.data is not None
        self.built = Built(task, module, parts, self.data, last.path if last else None)
        begin_logging(self.loggers)
        return self.built

    def _task(self) -> tuple[TargetModule, Task]:
        """The data, and the task with its network and the source's weights in it."""
        c, notes = self.config, list[str]()
        module = open_data(c, Voice(lambda line: self._note(notes, line), self._warned))
        target = module.target
        names = target.class_names
        check_class_names(names)
        check_batch_size(c.data.batch_size, c.data.samples(len(target.splits["train"])))
        self.data = DataRecord(
            name=target.name,
            class_names=list(names),
            split_rule=dict(target.split_rule),
            fingerprints={},
            storage=module.storage,
            pixel_ranges=dict(target.pixel_ranges),
            own_values=True,
            read=module.was_read().model_copy(update={"notes": as_text(notes)}),
        )
        self._say_what_was_read(self.data.read)
        network = build_network(c.model, spec_of(c).outputs(len(names)), c.seeds.init, c.data.input_size)
        self.model = describe_network(c.model.name, network)
        random_start = tensors_hash(network.new_tensors())
        self.weights = apply_source(network, c.source, c.model, c.data)
        if tensors_hash(network.new_tensors()) != random_start:
            raise WeightsError(
                f"source={c.source.name}: the head ({', '.join(network.new)}) was not replaced, it "
                "holds the source's weights; it must stay at its random start, for the target's labels"
            )
        if self.weights.file is not None:  # also of the head's inner layers, where a file has none that fit
            network = replace(network, new=tuple(self.weights.reinitialised))
        self.voice.say(self.weights.line())
        tuned = self.tuning.warnings if self.tuning else []
        advice = advise(c, network, c.data.samples(len(target.splits["train"])))
        for warning in (*tuned, *self.weights.warnings, *advice, *self._audit(module, self.data)):
            self.warnings.append(warning)
            self.voice.warn(warning)
        if c.trainer.channels_last:
            network.module.to(memory_format=torch.channels_last)
        return module, self.wing.task(network, c, names)

    def _note(self, notes: list[str], line: str) -> None:
        """Say a line of reading the data, and keep it, but for what depends on the machine alone."""
        self.voice.say(line)
        if not line.startswith(OF_THE_CACHE):
            notes.append(line)

    def _warned(self, warning: str) -> None:
        """Likewise a warning."""
        self.voice.warn(warning)
        if not warning.startswith(OF_THE_CACHE):
            self.warnings.append(warning)

    def _say_what_was_read(self, read: WasRead | None) -> None:
        if read is not None and is_first_process():
            said = "\n".join(lines(read, notes=False))
            notice("\n".join(lines(read)), topic=self.config.data.model_dump_json(), here=said)

    def _audit(self, module: TargetModule, data: DataRecord) -> list[str]:
        """Audit the splits that the run reads, into the record; the first of several processes does so for all."""
        if not is_first_process():
            return []
        found = module.audit(test=self.config.test)
        data.audit, self.alike = found.section, found.test_groups
        if self.config.data.group is None:
            groups = found.section["duplicates"]["test_groups"] if found.test_groups else None
            return [*found.warnings, *lines_of(alike_in_test(groups))]
        splits = {k: v for k, v in module.target.splits.items() if k != "test" or self.config.test}
        groups = shared_groups(splits, self.config.data)
        data.audit = {**found.section, "groups": groups}
        return [*found.warnings, *leaked(groups["shared"], self.config.data)]

    def fit(self, built: Built) -> None:
        """Train; the best checkpoint on validation stays."""
        begun = time.perf_counter()
        try:
            built.parts.trainer.fit(built.task, datamodule=built.module, ckpt_path=built.checkpoint, weights_only=True)
            built.parts.curves.write()
        finally:
            self.seconds["fit_s"] = time.perf_counter() - begun
            built.data.fingerprints.update(built.module.fingerprints())
        if (ended := self.stopped_by_time()) is not None:
            c = self.config.trainer
            self.voice.say(f"trainer.max_time_s={c.max_time_s:g} has ended training {ended.text(c.max_epochs)}")

    def choose(self, built: Built) -> None:
        """Take up the best checkpoint on validation, and draw the curves."""
        c, best = self.config, self.folder / BEST_CHECKPOINT
        self.best = load_best(built.task, built.parts, best)
        self.files[BEST_CHECKPOINT] = file_sha256(best)
        if self.best.value == 0 and built.task.mode == "max":
            warning = (
                f"{self.best.monitor} is 0 in the best epoch: nothing was learnt that shows on validation; a longer "
                "trainer.max_epochs, pretrained weights (source) or more training images may help"
            )
            self.warnings.append(warning)
            self.voice.warn(warning)
        if is_first_process():
            title = f"{c.study} {arm_name(c.model_dump(mode='json'), c.factors)}, seed {c.seed}"
            self.sidecars |= show_training(self.folder, built.parts.curves.rows, self.best, spec_of(c), title)

    def test(self, built: Built) -> None:
        """Test it, once; keep its metrics, predictions and pictures."""
        begun = time.perf_counter()
        trainer = built.parts.trainer
        step = trainer.global_step
        logged = trainer.test(built.task, datamodule=built.module, verbose=False)[0]
        found = {**built.task.test_metrics.compute(), **built.task.test_own.compute()}
        values = {f"test/{key}": float(value) for key, value in found.items()}
        self.metrics = {**logged, **values}
        predictions = built.task.predictions()
        built.data.fingerprints.update(built.module.fingerprints())
        if is_first_process():
            writer = FigureWriter(self.loggers) if self.loggers else None
            tested = Tested(self.folder, built.task, built.module, predictions, writer, step)
            self.sidecars |= self.wing.keep_test(tested) | keep_examples(self.folder, built.module)
            groups = of_test(built.module.target.splits["test"], self.config.data, self.alike)
            if groups is not None:
                origin = BY_LOOKS if self.config.data.group is None else BY_OPTION
                self.sidecars["groups_test"] = write_groups(self.folder, groups, origin)
            self.files[PREDICTIONS_FILE] = file_sha256(self.folder / PREDICTIONS_FILE)
            log_result(self.loggers, values, logged, self.config, step)
        self.seconds["test_s"] = time.perf_counter() - begun

    def lost(self, message: str) -> None:
        """Note that another process failed, where this one can do no more than end."""
        self.end("failed", ErrorRecord(type=ProcessLost.__name__, message=message, traceback=None))
        complain(f"the run failed: {ProcessLost.__name__}: {message}")

    def end(self, status: Status, error: ErrorRecord | None = None) -> Record:
        """Write the record, then tell the loggers how the run ended."""
        record = self.record(status, error)
        try:
            if is_first_process() and _removal(self.folder) is None:  # what was removed stays so
                write_record(self.folder, record)
                remove_progress(self.folder)
                if status == "complete":  # now that nothing is lost without them
                    tidy(self.folder)
        finally:
            conclude_logging(self.loggers, status)
        return record
