"""Hyper-parameter tuning of the decoder: a few short trials on regions that are computed once.

    tuning.journal   every proposal and every epoch, as they come: what tuning is resumed from
    trials.csv       a row a trial
    tuning.html      which settings mattered, and how each did
    trial-07/        checkpoints of the best trial so far

Optuna proposes settings (J. Bergstra et al., "Algorithms for Hyper-Parameter Optimization", NeurIPS 2011) and
stops a trial whose best epoch lags behind the median of the others. A trial is worth the best val CIDEr of
its epochs: the loss would not do, because label smoothing changes it without changing the captions.
Differences under .03 are noise.
"""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import Any

import keras
import numpy as np
import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, Trial, TrialState

from captioner.data.datasets import Dataset
from captioner.errors import CaptionerError
from captioner.progress import duration
from captioner.training import runner, tuning_report
from captioner.training.loop.checkpoint import Progress, Run
from captioner.training.loop.schedule import Phase
from captioner.training.models.decoders import Decoder, DecoderOptions
from captioner.training.recipes import Recipe
from captioner.training.tuning_report import FAILED, FINISHED, PLOT, STOPPED, TABLE, TrialResult

EPOCHS = 4  # of a trial
STARTUP_TRIALS = 6  # at random, before there is anything to learn from
WARMUP_EPOCHS = 2  # before a trial can be stopped: a low learning rate shows its worth in the second
JOURNAL = "tuning.journal"

Range = FloatDistribution | CategoricalDistribution
RANGES: dict[str, Range] = {
    "learning_rate": FloatDistribution(3e-4, 3e-3, log=True),
    "epsilon": FloatDistribution(1e-7, 1e-4, log=True),
    "label_smoothing": FloatDistribution(0.0, 0.2),
    "batch_size": CategoricalDistribution((16, 32, 64)),
    "dropout": FloatDistribution(0.2, 0.7),
    "embedding_dropout": FloatDistribution(0.0, 0.5),
}
SIZES: dict[str, Range] = {  # of the decoders that let them be chosen
    "units": CategoricalDistribution((320, 384, 512, 640)),
    "heads": CategoricalDistribution((1, 2, 4)),
}
_RETRY = "retry"  # marks a trial that repeats one that was interrupted
_OUTCOMES = {TrialState.COMPLETE: FINISHED, TrialState.PRUNED: STOPPED}


class _TrialRun(Run):
    """Reports every epoch to Optuna, and prunes a trial that lags behind, unless it is at its end."""

    def __init__(self, folder: Path, trial: Trial, epochs: int) -> None:
        super().__init__(folder)
        self.trial, self.epochs = trial, epochs

    def save(self, progress: Progress, encoder: keras.Model | None, decoder: Decoder, optimizer: Any) -> None:
        super().save(progress, encoder, decoder, optimizer)
        row = progress.history[-1]
        self.trial.report(row.val_cider, row.epoch)
        if progress.best == row.epoch:
            self.trial.set_user_attr("val_loss", row.val_loss)
        if progress.epochs_done < self.epochs and self.trial.should_prune():
            raise optuna.TrialPruned


@dataclass(frozen=True)
class Tuner:
    """Tuning in one folder. ``recipe`` says what is not tuned; its own settings are tried first."""

    recipe: Recipe
    dataset: Dataset
    folder: Path
    cache: Path
    seed: int = 0
    epochs: int = EPOCHS

    def run(self, count: int, resume: bool = False) -> list[TrialResult]:
        """Run trials until there are ``count``, printing a line about each; then print the table.

        Raises:
            CaptionerError: the folder holds a tuning already, or one of something else; the recipe has no
                phase with a frozen encoder; a trial fails before any epoch was finished.
        """
        study = self._study(resume)
        logarithmic = [name for name, values in self.space.items() if getattr(values, "log", False)]
        while (done := len(_ended_trials(study))) < count:
            # A new sampler for each trial: an interrupted tuning proposes what it would have proposed.
            seed = int(np.random.SeedSequence([self.seed, done]).generate_state(1)[0])
            study.sampler = optuna.samplers.TPESampler(n_startup_trials=STARTUP_TRIALS, seed=seed)
            trial = study.ask({**self.space})
            label = f"trial {trial.number} ({done + 1} of {count})"
            print(f"{label}: {tuning_report.describe_settings(trial.params)}", flush=True)
            self._run_trial(study, trial)
            print(f"{label}: {_describe_outcome(study, trial.number, count)}", flush=True)
            self._delete_checkpoints(study)
            tuning_report.write(results(study), tuning_report.importances(study), logarithmic, self.folder)
        print(tuning_report.as_text(results(study)), self._conclusion(study), sep="\n")
        return results(study)

    @cached_property
    def space(self) -> dict[str, Range]:
        """The range of each tuned setting, by the name of its field."""
        return {**RANGES, **{name: SIZES[name] for name in self.recipe.decoder.adjustable_sizes}}

    @cached_property
    def trial_recipe(self) -> Recipe:
        """The recipe with its first phase that has a frozen encoder, for a few epochs."""
        frozen = [p for p in self.recipe.phases if not p.encoder_learning_rate and not p.self_critical]
        if not frozen:
            raise CaptionerError(f"the {self.recipe.name} recipe has no phase with a frozen encoder.")
        phase = replace(frozen[0], epochs=self.epochs, monitor="val_cider")
        return replace(self.recipe, phases=(phase,))

    @property
    def recipe_settings(self) -> dict[str, Any]:
        """The recipe's own value of each tuned setting."""
        phase, decoder = self.trial_recipe.phases[0], self.trial_recipe.decoder
        return {name: getattr(phase if hasattr(phase, name) else decoder, name) for name in self.space}

    def with_settings(self, settings: dict[str, Any]) -> Recipe:
        """The recipe of a trial with these settings."""
        phase = {field.name: settings[field.name] for field in fields(Phase) if field.name in settings}
        decoder = {f.name: settings[f.name] for f in fields(DecoderOptions) if f.name in settings}
        return replace(
            self.trial_recipe,
            phases=(replace(self.trial_recipe.phases[0], **phase),),
            decoder=replace(self.trial_recipe.decoder, **decoder),
        )

    def _study(self, resume: bool) -> optuna.Study:
        """The study in the folder; a new one if there is none."""
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        if (self.folder / JOURNAL).exists() and not resume:
            raise CaptionerError(
                f"{self.folder} holds a tuning already. Go on with --resume, name another folder with --run, "
                "or delete it."
            )
        settings = json.loads(
            json.dumps({**asdict(self.trial_recipe), "data": self.dataset.fingerprint[:12]})
        )
        self.folder.mkdir(parents=True, exist_ok=True)
        storage = JournalStorage(JournalFileBackend(str(self.folder / JOURNAL)))
        if others := set(optuna.get_all_study_names(storage)) - {self.recipe.name}:
            raise CaptionerError(
                f"{self.folder} holds a tuning of {min(others)}. Repeat its --recipe, or name another --run."
            )
        study = optuna.create_study(
            study_name=self.recipe.name,
            storage=storage,
            pruner=optuna.pruners.MedianPruner(n_startup_trials=STARTUP_TRIALS, n_warmup_steps=WARMUP_EPOCHS),
            direction="maximize",
            load_if_exists=True,
        )
        self._require_same_settings(study, {**settings, "seed": self.seed})
        for trial in study.get_trials(states=[TrialState.RUNNING]):  # interrupted: it is tried again, once
            study.tell(trial.number, state=TrialState.FAIL)
            if _RETRY not in trial.user_attrs:
                study.enqueue_trial(trial.params, user_attrs={_RETRY: True})
                continue
            print(
                f"trial {trial.number} was interrupted twice, as if by a lack of memory: it counts as failed"
            )
        defaults = self.recipe_settings
        if not study.trials and all(_contains(values, defaults[name]) for name, values in self.space.items()):
            study.enqueue_trial(defaults)
        self._delete_checkpoints(study)
        return study

    def _require_same_settings(self, study: optuna.Study, settings: dict[str, Any]) -> None:
        """Record the settings at the beginning; refuse to go on with others."""
        before = study.user_attrs.get("settings", settings)
        if changed := [name for name in settings if settings[name] != before.get(name)]:
            raise CaptionerError(
                f"the tuning in {self.folder} was begun with another {' and '.join(changed)}. "
                "Repeat its options, or name another --run."
            )
        study.set_user_attr("settings", settings)

    def _run_trial(self, study: optuna.Study, trial: Trial) -> None:
        """Train with the proposed settings, and report the outcome."""
        run = _TrialRun(self._trial_folder(trial.number), trial, self.epochs)
        try:
            runner.train(self.with_settings(trial.params), self.dataset, run, self.cache, self.seed)
        except optuna.TrialPruned:
            study.tell(trial, state=TrialState.PRUNED)
        except CaptionerError as error:  # such as a loss that is no number
            trial.set_user_attr("error", str(error))
            study.tell(trial, state=TrialState.FAIL)
            if not any(other.intermediate_values for other in study.trials):
                raise  # it is not the settings that are wrong
        else:
            study.tell(trial, _cider(study.trials[trial.number]))
        keras.utils.clear_session()  # or the graphs of every trial would stay in memory

    def _delete_checkpoints(self, study: optuna.Study) -> None:
        """Only the best trial keeps its checkpoints."""
        best = _best(study)
        for folder in self.folder.glob("trial-*"):
            if best is None or folder != self._trial_folder(best.number):
                shutil.rmtree(folder)

    def _trial_folder(self, number: int) -> Path:
        return self.folder / f"trial-{number:02d}"

    def _conclusion(self, study: optuna.Study) -> str:
        mattered = ", ".join(
            f"{name} {share:.0%}" for name, share in tuning_report.importances(study).items()
        )
        sentences = [f"What mattered: {mattered or 'too few trials to tell'}."]
        if best := _best(study):
            sentences += [
                f"Best: trial {best.number}, val CIDEr {_cider(best):.4f}: "
                f"{tuning_report.describe_settings(best.params)}.",
                f"Its checkpoints are in {self._trial_folder(best.number)}.",
                "To train with its settings, put them into captioner/training/recipes.py.",
            ]
        return "\n".join([*sentences, f"{self.folder} holds {TABLE} and {PLOT}."])


def results(study: optuna.Study) -> list[TrialResult]:
    """A result for each trial that has ended."""
    return [
        TrialResult(
            trial.number,
            _OUTCOMES.get(trial.state, FAILED),
            round(_cider(trial), 4),
            trial.user_attrs.get("val_loss"),
            len(trial.intermediate_values),
            round(_seconds(trial)),
            trial.params,
        )
        for trial in _ended_trials(study)
    ]


def _ended_trials(study: optuna.Study) -> list[FrozenTrial]:
    """Trials that finished, stopped or failed, without those that are repeated."""
    return [trial for trial in study.trials if trial.state in _OUTCOMES or _failed(trial)]


def _failed(trial: FrozenTrial) -> bool:
    return trial.state == TrialState.FAIL and bool({"error", _RETRY} & set(trial.user_attrs))


def _best(study: optuna.Study) -> FrozenTrial | None:
    return max(study.get_trials(states=[TrialState.COMPLETE]), key=_cider, default=None)


def _cider(trial: FrozenTrial) -> float:
    """Val CIDEr of a trial's best epoch, NaN before the first."""
    return max(trial.intermediate_values.values(), default=math.nan)


def _seconds(trial: FrozenTrial) -> float:
    return trial.duration.total_seconds() if trial.duration else 0.0


def _contains(values: Range, value: Any) -> bool:
    if isinstance(values, CategoricalDistribution):
        return value in values.choices
    return values.low <= value <= values.high


def _describe_outcome(study: optuna.Study, number: int, count: int) -> str:
    """How a trial ended, and how long the remaining ones will take."""
    trial, ended, best = study.trials[number], _ended_trials(study), _best(study)
    outcome = trial.user_attrs.get("error") or (
        f"{_OUTCOMES[trial.state]} after {len(trial.intermediate_values)} epochs, "
        f"val CIDEr {_cider(trial):.4f}, {duration(_seconds(trial))}"
    )
    note = ", best so far" if best and best.number == number else ""
    return f"{outcome}{note}; about {duration(fmean(map(_seconds, ended)) * (count - len(ended)))} left"
