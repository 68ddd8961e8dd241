from contract import ModelContract

from coursekit.models import ItemKNN, Popularity, Random, UserKNN


def option(cls, **options):
    """A class with other defaults: called like the class itself."""
    return staticmethod(lambda device=None: cls(**options, device=device))


class TestRandom(ModelContract):
    make = Random
    learns_taste = knows_similar = False

    def test_unknown_user_gets_popular_items(self, fitted):
        """Not this one: a floor that knows what is popular would be no floor."""
        assert set(fitted.score([-1])[0]).isdisjoint(range(30))


class TestPopularity(ModelContract):
    make = Popularity
    learns_taste = knows_similar = False


class TestItemKNN(ModelContract):
    make = ItemKNN


class TestItemKNNJaccardShrunk(ModelContract):
    make = option(ItemKNN, similarity="jaccard", shrinkage=2.5, n_neighbours=5)


class TestItemKNNAllNeighbours(ModelContract):
    make = option(ItemKNN, n_neighbours=None)


class TestItemKNNExplicit(ModelContract):
    make = option(ItemKNN, feedback="explicit", similarity="adjusted_cosine")
    explicit = True


class TestItemKNNPearson(ModelContract):
    make = option(ItemKNN, feedback="explicit", similarity="pearson", shrinkage=1)
    explicit = True


class TestUserKNN(ModelContract):
    make = UserKNN
    knows_similar = False


class TestUserKNNExplicit(ModelContract):
    make = option(UserKNN, feedback="explicit", similarity="pearson", n_neighbours=8)
    explicit, knows_similar = True, False
