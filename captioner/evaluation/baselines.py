"""Results of other bundles, stored in a bundle so that its model card can compare them with its own.

They are read from those bundles, and shown only if comparable: same pictures and tokeniser. Each row
names its decoding.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import msgspec

from captioner.bundle import model_card, ratings
from captioner.bundle import storage as bundles
from captioner.bundle.manifest import BASELINES, MODEL
from captioner.bundle.model_card import CONDITIONS, DECODING
from captioner.bundle.schema import Baseline
from captioner.bundle.storage import Bundle
from captioner.errors import BundleError


def baseline(bundle: Bundle) -> Baseline:
    """A bundle's recipe, size, training time and scores.

    Raises:
        BundleError: it has no scores.
    """
    metrics, history = bundle.metrics(), bundle.history()
    if metrics is None:
        raise BundleError(f"{bundle.folder} has no scores. Run `python -m captioner evaluate --write` on it.")
    return Baseline(
        recipe=bundle.config.recipe,
        encoder=bundle.config.encoder,
        decoder=bundle.config.decoders,
        phases=tuple(dict.fromkeys(epoch.phase for epoch in history)),
        megabytes=round(bundle.files[MODEL].size / 1e6, 1),
        training_hours=round(sum(epoch.seconds or 0 for epoch in history) / 3600, 2),
        **{name: getattr(metrics, name) for name in (*CONDITIONS, *DECODING, "scores", "seconds_per_image")},
    )


def add(bundle: Bundle, others: Sequence[Bundle]) -> Bundle:
    """Write the results of other bundles, lowest CIDEr first, and a new model card into the bundle.

    Raises:
        BundleError: one has no scores, or was scored under other conditions.
    """
    own, rows = baseline(bundle), [baseline(other) for other in others]
    for other, row in zip(others, rows, strict=True):
        if differing := [name for name in CONDITIONS if getattr(row, name) != getattr(own, name)]:
            raise BundleError(
                f"{other.folder} was scored with another {' and '.join(differing)} than {bundle.folder}, so "
                "the scores are not comparable. Evaluate it in the same way."
            )
    rows.sort(key=lambda one: one.scores["cider"])
    measured = bundle.calibration_parameters(), ratings.read(bundle)
    card = model_card.render(
        bundle.config, bundle.metrics(), bundle.history(), bundle.dataset(), rows, *measured
    )
    record = msgspec.to_builtins({"baselines": rows})
    files = {BASELINES: json.dumps(record, indent=1) + "\n", "README.md": card}
    return bundles.replace(bundle.folder, files | ratings.file(bundle))
