"""Search spaces: parameters, conditions and published recipes. Imports no torch, no SQL, no command line."""

from search_spaces.documents import line_numbers, parse_yaml, read_yaml
from search_spaces.edits import EditedSpace, edit_space
from search_spaces.errors import (
    InvalidParameter,
    InvalidRecipes,
    InvalidSpace,
    SearchSpaceError,
    UnreadableDocument,
    nearest,
    plain,
    suggestion,
)
from search_spaces.hyperparameters import (
    ADAPTER_RATE,
    ALL_LINEAR,
    ATTENTION,
    FITTED,
    GRADUAL,
    LORA,
    NAMES,
    NONE,
    RANDOM,
    SEVEN,
    Hyperparameters,
)
from search_spaces.loading import adapters_alone, build_space, load_space, preset_names, space_mistakes
from search_spaces.parameters import Categorical, Float, Int, Parameter, Suggests, Value
from search_spaces.recipes import CLASSIFIERS, LANGUAGE_MODELS, Recipe, recipe_for
from search_spaces.space import SearchSpace

__all__ = [
    "ADAPTER_RATE",
    "ALL_LINEAR",
    "ATTENTION",
    "CLASSIFIERS",
    "FITTED",
    "GRADUAL",
    "LANGUAGE_MODELS",
    "LORA",
    "NAMES",
    "NONE",
    "RANDOM",
    "SEVEN",
    "Categorical",
    "EditedSpace",
    "Float",
    "Hyperparameters",
    "Int",
    "InvalidParameter",
    "InvalidRecipes",
    "InvalidSpace",
    "Parameter",
    "Recipe",
    "SearchSpace",
    "SearchSpaceError",
    "Suggests",
    "UnreadableDocument",
    "Value",
    "adapters_alone",
    "build_space",
    "edit_space",
    "line_numbers",
    "load_space",
    "nearest",
    "parse_yaml",
    "plain",
    "preset_names",
    "read_yaml",
    "recipe_for",
    "space_mistakes",
    "suggestion",
]
