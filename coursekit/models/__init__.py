"""Recommenders. Each is fitted on `Interactions` and speaks the verbs of `Recommender`."""

from coursekit.models.base import Recommendations as Recommendations
from coursekit.models.base import Recommender as Recommender
from coursekit.models.baselines import Popularity as Popularity
from coursekit.models.baselines import Random as Random
from coursekit.models.neighbours import ItemKNN as ItemKNN
from coursekit.models.neighbours import UserKNN as UserKNN
from coursekit.models.neighbours import item_similarity as item_similarity
from coursekit.models.neighbours import user_similarity as user_similarity
