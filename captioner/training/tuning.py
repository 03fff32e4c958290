"""A search for better settings of the decoder: a few short trials on regions that are computed once.

    search.journal   every proposal and every epoch, as they come: what a search is resumed from
    trials.csv       a row a trial
    search.html      which settings mattered, and how each did
    trial-07/        checkpoints of the best trial so far

Optuna proposes settings (J. Bergstra et al., "Algorithms for Hyper-Parameter Optimization", NeurIPS 2011) and
stops a trial whose best epoch lags behind the median of the others. A trial is worth the best val CIDEr of
its epochs: that is what captions are to be good at, and the loss would not do, because label smoothing moves
nats a word without moving the captions. Differences under .03 are noise all the same.
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
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, Trial, TrialState

from captioner.data.flickr8k import Dataset
from captioner.errors import CaptionerError
from captioner.progress import duration
from captioner.training import runner, tuning_report
from captioner.training.loop.checkpoint import Progress, Run
from captioner.training.loop.fit import Phase
from captioner.training.models.decoders import Decoder, DecoderOptions
from captioner.training.recipes import Recipe
from captioner.training.tuning_report import FAILED, FINISHED, PLOT, STOPPED, TABLE, Tried

EPOCHS = 4  # of a trial
STARTUP = 6  # trials at random, before there is anything to learn from
WARMUP = 2  # epochs before a trial can be stopped: a slow rate shows what it is worth in the second
FEWEST = 4  # finished trials that say anything about what mattered
JOURNAL = "search.journal"

Range = FloatDistribution | CategoricalDistribution
RANGES: dict[str, Range] = {
    "rate": FloatDistribution(3e-4, 3e-3, log=True),
    "epsilon": FloatDistribution(1e-7, 1e-4, log=True),
    "smoothing": FloatDistribution(0.0, 0.2),
    "batch": CategoricalDistribution((16, 32, 64)),
    "dropout": FloatDistribution(0.2, 0.7),
    "embedding_dropout": FloatDistribution(0.0, 0.5),
}
SIZES: dict[str, Range] = {  # of the decoders that let them be chosen
    "units": CategoricalDistribution((320, 384, 512, 640)),
    "heads": CategoricalDistribution((1, 2, 4)),
}
_AGAIN = "again"  # marks a trial that repeats one that was cut off
_OUTCOMES = {TrialState.COMPLETE: FINISHED, TrialState.PRUNED: STOPPED}


class _Watched(Run):
    """Tells Optuna of every epoch, and gives up a trial that lags behind, unless it is done anyway."""

    def __init__(self, folder: Path, trial: Trial, epochs: int) -> None:
        super().__init__(folder)
        self.trial, self.epochs = trial, epochs

    def save(self, progress: Progress, encoder: keras.Model | None, decoder: Decoder, optimizer: Any) -> None:
        super().save(progress, encoder, decoder, optimizer)
        row = progress.history[-1]
        self.trial.report(row.val_cider, row.epoch)
        if progress.best == row.epoch:
            self.trial.set_user_attr("val_loss", row.val_loss)
        if progress.done < self.epochs and self.trial.should_prune():
            raise optuna.TrialPruned


@dataclass(frozen=True)
class Search:
    """One search, in one folder. ``recipe`` says what is not searched; its own settings are tried first."""

    recipe: Recipe
    dataset: Dataset
    folder: Path
    cache: Path
    seed: int = 0
    epochs: int = EPOCHS

    def go(self, count: int, resume: bool = False) -> list[Tried]:
        """Carry out what is missing to ``count`` trials, with a line about each; then say what was found.

        Raises:
            CaptionerError: the folder holds a search already, or one of something else; the recipe has no
                phase with the encoder at rest; a trial fails before any epoch was finished.
        """
        study = self._study(resume)
        while (done := len(_ended(study))) < count:
            # Anew for each trial, so that a search that was cut off proposes what it would have proposed.
            seed = int(np.random.SeedSequence([self.seed, done]).generate_state(1)[0])
            study.sampler = optuna.samplers.TPESampler(n_startup_trials=STARTUP, seed=seed)
            trial = study.ask({**self.space})
            label = f"trial {trial.number} ({done + 1} of {count})"
            print(f"{label}: {tuning_report.told(trial.params)}", flush=True)
            self._try(study, trial)
            print(f"{label}: {_outcome(study, trial.number, count)}", flush=True)
            self._tidy(study)
            tuning_report.write(found(study), shares(study), self._logarithmic, self.folder)
        print(*tuning_report.lines(found(study)), self._conclusion(study), sep="\n")
        return found(study)

    @cached_property
    def space(self) -> dict[str, Range]:
        """What is searched, by the name of its field."""
        return {**RANGES, **{name: SIZES[name] for name in self.recipe.decoder.adjustable}}

    @cached_property
    def short(self) -> Recipe:
        """The recipe with its first phase that leaves the encoder alone, on regions, for a few epochs."""
        still = [phase for phase in self.recipe.phases if not phase.encoder_rate and not phase.samples]
        if not still:
            raise CaptionerError(f"the {self.recipe.name} recipe has no phase that leaves the encoder alone.")
        phase = replace(still[0], epochs=self.epochs, monitor="val_cider")
        return replace(self.recipe, phases=(phase,))

    def candidate(self, settings: dict[str, Any]) -> Recipe:
        """The short recipe with these settings."""
        phase = {field.name: settings[field.name] for field in fields(Phase) if field.name in settings}
        decoder = {f.name: settings[f.name] for f in fields(DecoderOptions) if f.name in settings}
        return replace(
            self.short,
            phases=(replace(self.short.phases[0], **phase),),
            decoder=replace(self.short.decoder, **decoder),
        )

    def _study(self, resume: bool) -> optuna.Study:
        """The study in the folder; a new one if there is none."""
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        if (self.folder / JOURNAL).exists() and not resume:
            raise CaptionerError(
                f"{self.folder} holds a search already. Go on with --resume, name another folder with --run, "
                "or delete it."
            )
        settings = json.loads(json.dumps({**asdict(self.short), "data": self.dataset.fingerprint[:12]}))
        self.folder.mkdir(parents=True, exist_ok=True)
        storage = JournalStorage(JournalFileBackend(str(self.folder / JOURNAL)))
        if other := set(optuna.get_all_study_names(storage)) - {self.recipe.name}:
            raise CaptionerError(
                f"{self.folder} holds a search of {min(other)}. Repeat its --recipe, or name another --run."
            )
        study = optuna.create_study(
            study_name=self.recipe.name,
            storage=storage,
            pruner=optuna.pruners.MedianPruner(n_startup_trials=STARTUP, n_warmup_steps=WARMUP),
            direction="maximize",
            load_if_exists=True,
        )
        self._keep(study, {**settings, "seed": self.seed})
        for trial in study.get_trials(states=[TrialState.RUNNING]):  # cut off: it is tried again, once
            study.tell(trial.number, state=TrialState.FAIL)
            if _AGAIN not in trial.user_attrs:
                study.enqueue_trial(trial.params, user_attrs={_AGAIN: True})
                continue
            print(
                f"trial {trial.number} was cut off twice, as if memory did not suffice: it counts as failed"
            )
        phase, decoder = self.short.phases[0], self.short.decoder
        own = {name: getattr(phase if hasattr(phase, name) else decoder, name) for name in self.space}
        if not study.trials and all(_within(one, own[name]) for name, one in self.space.items()):
            study.enqueue_trial(own)
        self._tidy(study)
        return study

    def _keep(self, study: optuna.Study, settings: dict[str, Any]) -> None:
        """Remember what the search was begun with; refuse to go on with something else."""
        before = study.user_attrs.get("settings", settings)
        if other := [name for name in settings if settings[name] != before.get(name)]:
            raise CaptionerError(
                f"the search in {self.folder} was begun with another {' and '.join(other)}. "
                "Repeat its options, or name another --run."
            )
        study.set_user_attr("settings", settings)

    def _try(self, study: optuna.Study, trial: Trial) -> None:
        """Train with what was proposed, and tell what came of it."""
        run = _Watched(self._place(trial.number), trial, self.epochs)
        try:
            runner.train(self.candidate(trial.params), self.dataset, run, self.cache, self.seed)
        except optuna.TrialPruned:
            study.tell(trial, state=TrialState.PRUNED)
        except CaptionerError as error:  # such as a loss that is no number
            trial.set_user_attr("error", str(error))
            study.tell(trial, state=TrialState.FAIL)
            if not any(one.intermediate_values for one in study.trials):
                raise  # it is not the settings that are wrong
        else:
            study.tell(trial, _cider(study.trials[trial.number]))
        keras.utils.clear_session()  # or every trial would leave its graphs in memory

    def _tidy(self, study: optuna.Study) -> None:
        """Only the best trial keeps its checkpoints."""
        best = _best(study)
        for folder in self.folder.glob("trial-*"):
            if best is None or folder != self._place(best.number):
                shutil.rmtree(folder)

    def _place(self, number: int) -> Path:
        return self.folder / f"trial-{number:02d}"

    @property
    def _logarithmic(self) -> list[str]:
        return [name for name, one in self.space.items() if isinstance(one, FloatDistribution) and one.log]

    def _conclusion(self, study: optuna.Study) -> str:
        mattered = ", ".join(f"{name} {share:.0%}" for name, share in shares(study).items())
        sentences = [f"What mattered: {mattered or 'too few trials to tell'}."]
        if best := _best(study):
            sentences += [
                f"Best: trial {best.number}, val CIDEr {_cider(best):.4f}: "
                f"{tuning_report.told(best.params)}.",
                f"Its checkpoints are in {self._place(best.number)}.",
                "To train with its settings, put them into captioner/training/recipes.py.",
            ]
        return "\n".join([*sentences, f"{self.folder} holds {TABLE} and {PLOT}."])


def found(study: optuna.Study) -> list[Tried]:
    """The trials that count, as they are told."""
    return [
        Tried(
            trial.number,
            _OUTCOMES.get(trial.state, FAILED),
            round(_cider(trial), 4),
            trial.user_attrs.get("val_loss"),
            len(trial.intermediate_values),
            round(_seconds(trial)),
            trial.params,
        )
        for trial in _ended(study)
    ]


def shares(study: optuna.Study) -> dict[str, float]:
    """How much each setting tells the better half of the finished trials from the rest; empty if too few.

    S. Watanabe et al., "PED-ANOVA: Efficiently Quantifying Hyperparameter Importance in Arbitrary Subspaces",
    IJCAI 2023. Trials that were stopped early are left out.
    """
    values = sorted(map(_cider, study.get_trials(states=[TrialState.COMPLETE])), reverse=True)
    if len(values) < FEWEST or values[(len(values) + 1) // 2 - 1] == values[-1]:
        return {}
    return get_param_importances(study, evaluator=PedAnovaImportanceEvaluator(target_quantile=0.5))


def _ended(study: optuna.Study) -> list[FrozenTrial]:
    """Trials that came to their end, were stopped, or failed; those that are tried again do not count."""
    return [trial for trial in study.trials if trial.state in _OUTCOMES or _failed(trial)]


def _failed(trial: FrozenTrial) -> bool:
    return trial.state == TrialState.FAIL and bool({"error", _AGAIN} & set(trial.user_attrs))


def _best(study: optuna.Study) -> FrozenTrial | None:
    return max(study.get_trials(states=[TrialState.COMPLETE]), key=_cider, default=None)


def _cider(trial: FrozenTrial) -> float:
    """Val CIDEr of a trial's best epoch, NaN before the first."""
    return max(trial.intermediate_values.values(), default=math.nan)


def _seconds(trial: FrozenTrial) -> float:
    return trial.duration.total_seconds() if trial.duration else 0.0


def _within(one: Range, value: Any) -> bool:
    return value in one.choices if isinstance(one, CategoricalDistribution) else one.low <= value <= one.high


def _outcome(study: optuna.Study, number: int, count: int) -> str:
    """How a trial ended, and how long those to come will take."""
    trial, ended, best = study.trials[number], _ended(study), _best(study)
    how = trial.user_attrs.get("error") or (
        f"{_OUTCOMES[trial.state]} after {len(trial.intermediate_values)} epochs, "
        f"val CIDEr {_cider(trial):.4f}, {duration(_seconds(trial))}"
    )
    praise = ", best so far" if best and best.number == number else ""
    return f"{how}{praise}; about {duration(fmean(map(_seconds, ended)) * (count - len(ended)))} left"
