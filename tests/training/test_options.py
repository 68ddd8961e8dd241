import dataclasses

import pytest

from coursekit.training import TrainingOptions


def test_options_cannot_be_changed_in_place():
    with pytest.raises(dataclasses.FrozenInstanceError):
        TrainingOptions().epochs = 3
    assert dataclasses.replace(TrainingOptions(), epochs=3).epochs == 3


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"epochs": 0}, "epochs=0 must be a whole number of at least 1"),
        ({"epochs": 1.5}, "epochs=1.5 must be a whole number"),
        ({"epochs": float("inf")}, "epochs=inf must be"),
        ({"accumulate": True}, "accumulate=True must be"),
        ({"patience": 0}, "patience=0 must be"),
        ({"learning_rate": -1}, "learning_rate=-1 must be a number of at least 0"),
        ({"learning_rate": float("nan")}, "learning_rate=nan"),
        ({"clip_norm": 0}, "clip_norm=0 must be above 0"),
        ({"mode": "largest"}, "mode='largest': choose"),
        ({"patience": 2, "monitor": "ndcg"}, "is a small or a large 'ndcg' best"),
        ({"checkpoint_every": 5}, "checkpoint_every needs a file"),
    ],
)
def test_a_value_out_of_range_is_quoted(wrong, message):
    with pytest.raises(ValueError, match=message):
        TrainingOptions(**wrong)


def test_every_option_is_explained():
    for field in dataclasses.fields(TrainingOptions):
        assert f"        {field.name}: " in TrainingOptions.__doc__
