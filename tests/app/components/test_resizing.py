"""Pictures as they are drawn."""

from __future__ import annotations

import numpy as np

from captioner.app.components import resizing

GREY = np.full((30, 60, 3), 200, np.uint8)


def test_a_picture_is_made_smaller_in_proportion_and_never_larger() -> None:
    assert resizing.scaled_down(GREY, 60).shape == (30, 60, 3)
    assert resizing.scaled_down(GREY, 20).shape == (10, 20, 3)
    assert resizing.thumbnail(GREY, (16, 12)).shape == (12, 16, 3)
