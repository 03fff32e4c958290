"""The results of other bundles, kept in a bundle so that its model card can show them beside its own.

They are read from what each bundle says about itself, and are shown only while they compare: same pictures,
same tokeniser, same decoding.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import msgspec

from captioner.bundle import model_card
from captioner.bundle import storage as bundles
from captioner.bundle.manifest import BASELINES
from captioner.bundle.model_card import CONDITIONS
from captioner.bundle.schema import Baseline
from captioner.bundle.storage import Bundle
from captioner.errors import BundleError


def row(bundle: Bundle) -> Baseline:
    """What a bundle is, what it costs and how it scores.

    Raises:
        BundleError: it has no scores, or not all that they need to compare.
    """
    metrics, history = bundle.metrics(), bundle.history()
    if metrics is None:
        raise BundleError(f"{bundle.folder} has no scores. Run `python -m captioner evaluate --write` on it.")
    return Baseline(
        recipe=bundle.config.recipe,
        encoder=bundle.config.encoder,
        decoder=bundle.config.decoders,
        phases=tuple(dict.fromkeys(epoch.phase for epoch in history)),
        megabytes=round(bundle.files["captioner.tflite"].size / 1e6, 1),
        training_hours=round(sum(epoch.seconds or 0 for epoch in history) / 3600, 2),
        **{name: getattr(metrics, name) for name in (*CONDITIONS, "scores", "seconds_per_image")},
    )


def add(bundle: Bundle, others: Sequence[Bundle]) -> Bundle:
    """Seal the results of the others into the bundle, worst first, and its card with them.

    Raises:
        BundleError: one has no scores, or was scored in another way.
    """
    own, rows = row(bundle), [row(other) for other in others]
    for other, found in zip(others, rows, strict=True):
        if odd := [name for name in CONDITIONS if getattr(found, name) != getattr(own, name)]:
            raise BundleError(
                f"{other.folder} was scored with another {' and '.join(odd)} than {bundle.folder}; only like "
                "compares with like. Evaluate it in the same way."
            )
    rows.sort(key=lambda one: one.scores["cider"])
    text = model_card.render(bundle.config, bundle.metrics(), bundle.history(), bundle.dataset(), rows)
    kept = msgspec.to_builtins({"baselines": rows})
    return bundles.replace(bundle.folder, {BASELINES: json.dumps(kept, indent=1) + "\n", "README.md": text})
