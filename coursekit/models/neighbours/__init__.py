"""Neighbourhood models and the similarities they stand on."""

from coursekit.models.neighbours.knn import ItemKNN as ItemKNN
from coursekit.models.neighbours.knn import UserKNN as UserKNN
from coursekit.models.neighbours.similarity import item_similarity as item_similarity
from coursekit.models.neighbours.similarity import user_similarity as user_similarity
