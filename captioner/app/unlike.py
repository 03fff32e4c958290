"""The notice that a picture looks unlike those the model was trained on, and how far it is to be trusted."""

from __future__ import annotations

from collections.abc import Sequence

from captioner.familiar import Rule

SENTENCE = (
    ":material/warning: **This picture looks unlike the photographs that the model learned from.** It "
    "describes every picture in the words it has for those, so its sentence may have little to do with this "
    "one."
)


def notice(rule: Rule, likeness: float) -> tuple[str, str] | None:
    """A sentence about an unfamiliar picture, as Markdown, and how it was come by; none about another."""
    if likeness >= rule.limit:
        return None
    reason = (
        f"Likeness to the training pictures, as the encoder sees them (cosine): {likeness:.3f}. Below "
        f"{rule.limit:.3f} a picture counts as unlike. The sign can be wrong: of {rule.images:,} pictures of "
        f"the {rule.split} split, which are of the kind that the model learned from, it came up for "
        f"{rule.false_alarms:,} ({rule.false_alarms / rule.images:.1%}). {_tried(rule)}"
    )
    return SENTENCE, reason.strip()


def _tried(rule: Rule) -> str:
    """What the rule notices and what it misses, as a sentence."""
    kinds = rule.noticed.items()
    found = [kind for kind, (part, whole) in kinds if part == whole]
    partly = [f"{part} of {whole} {kind}" for kind, (part, whole) in kinds if 0 < part < whole]
    missed = [kind for kind, (part, _) in kinds if not part]
    said = [
        f"all {_listed(found)}" if found else "",
        _listed(partly),
        f"none of the {_listed(missed)}" if missed else "",
    ]
    return (
        f"Tried on pictures made to be unlike, it noticed {'; '.join(filter(None, said))}." if kinds else ""
    )


def _listed(things: Sequence[str]) -> str:
    *first, last = things or [""]
    return f"{', '.join(first)} and {last}" if first else last
