"""What a recipe says can be searched from where it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from captioner.data.flickr8k import Dataset
from captioner.training import tuning
from captioner.training.recipes import RECIPES, Recipe
from captioner.training.tuning import Search


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_a_recipes_own_settings_are_among_those_searched(
    recipe: Recipe, tiny_dataset: Dataset, tmp_path: Path
) -> None:
    """So that a search begins with what there is to beat."""
    looking = Search(recipe, tiny_dataset, tmp_path, tmp_path)
    phase, decoder = looking.short.phases[0], looking.short.decoder
    own = {name: getattr(phase if hasattr(phase, name) else decoder, name) for name in looking.space}

    assert [name for name, value in own.items() if not tuning._within(looking.space[name], value)] == []
