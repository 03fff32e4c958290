"""The results of other bundles, kept in a bundle so that its model card can show them beside its own.

They are read from what each bundle says about itself, and are shown only while they compare: same pictures,
same tokeniser, same decoding.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from captioner import bundle as bundles
from captioner import card
from captioner.bundle import Bundle
from captioner.card import CONDITIONS
from captioner.errors import BundleError
from captioner.manifest import BESIDE


def row(bundle: Bundle) -> dict[str, Any]:
    """What a bundle is, what it costs and how it scores.

    Raises:
        BundleError: it has no scores, or not all that they need to compare.
    """
    metrics, history = bundle.metrics(), bundle.history()
    told = (*CONDITIONS, "scores", "seconds_per_picture")
    if not set(told) <= set(metrics):
        raise BundleError(f"{bundle.folder} has no scores. Run `python -m captioner evaluate --write` on it.")
    return {
        "recipe": bundle.config.recipe,
        "encoder": bundle.config.encoder,
        "decoder": bundle.config.decoders,
        "phases": list(dict.fromkeys(str(one["phase"]) for one in history if "phase" in one)),
        "megabytes": round(bundle.files["captioner.tflite"].size / 1e6, 1),
        "hours": round(sum(float(one.get("seconds") or 0) for one in history) / 3600, 2),
        **{name: metrics[name] for name in told},
    }


def add(bundle: Bundle, others: Sequence[Bundle]) -> Bundle:
    """Seal the results of the others into the bundle, worst first, and its card with them.

    Raises:
        BundleError: one has no scores, or was scored in another way.
    """
    own, rows = row(bundle), [row(other) for other in others]
    for other, found in zip(others, rows, strict=True):
        if odd := [name for name in CONDITIONS if found[name] != own[name]]:
            raise BundleError(
                f"{other.folder} was scored with another {' and '.join(odd)} than {bundle.folder}; only like "
                "compares with like. Evaluate it in the same way."
            )
    rows.sort(key=lambda one: float(one["scores"]["cider"]))
    text = card.render(bundle.config, bundle.metrics(), bundle.history(), bundle.dataset(), rows)
    return bundles.replace(
        bundle.folder, {BESIDE: json.dumps({"rows": rows}, indent=1) + "\n", "README.md": text}
    )
