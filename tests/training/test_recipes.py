"""A recipe's values lie within the search space of tuning; its phases are explained on a page."""

from __future__ import annotations

from pathlib import Path

import pytest

from captioner.app.how_it_works import texts
from captioner.data.datasets import Dataset
from captioner.training import tuning
from captioner.training.recipes import RECIPES, SELF_CRITICAL, Recipe
from captioner.training.tuning import Tuner


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_a_recipes_own_settings_are_in_the_search_space(
    recipe: Recipe, tiny_dataset: Dataset, tmp_path: Path
) -> None:
    """So that tuning begins with what there is to beat."""
    tuner = Tuner(recipe, tiny_dataset, tmp_path, tmp_path)
    own = tuner.recipe_settings

    assert [name for name, value in own.items() if not tuning._contains(tuner.space[name], value)] == []


def test_the_page_explains_every_phase() -> None:
    phases = [SELF_CRITICAL, *(phase for recipe in RECIPES.values() for phase in recipe.phases)]
    assert {phase.name for phase in phases} == texts.PHASES.keys()
