from collections import namedtuple

import numpy as np
import pytest
import torch
from torch.nn.utils.rnn import PackedSequence, pack_sequence

from coursekit.training import batch_size, to_device

Pair = namedtuple("Pair", "left right")
META = torch.device("meta")  # a device every machine has besides the CPU


def test_every_tensor_of_a_nest_is_moved_and_the_nest_kept():
    one = torch.ones(2)
    batch = {"pair": Pair(one, [one, (one,)]), "names": ["a", "b"], "array": np.ones(2), "n": 3, "no": None}
    moved = to_device(batch, META)
    assert isinstance(moved["pair"], Pair)
    assert moved["pair"].left.device == moved["pair"].right[0].device == META
    assert isinstance(moved["pair"].right[1], tuple)
    assert moved["pair"].right[1][0].device == META
    assert moved["names"] == ["a", "b"]
    assert moved["array"] is batch["array"]
    assert (moved["n"], moved["no"]) == (3, None)
    assert one.device.type == "cpu"


def test_what_can_move_itself_is_asked_to():
    packed = to_device(pack_sequence([torch.ones(2)]), META)
    assert isinstance(packed, PackedSequence)
    assert packed.data.device == META


@pytest.mark.parametrize(
    ("batch", "size"),
    [
        (torch.zeros(5, 2), 5),
        ((torch.tensor(1.0), torch.zeros(4)), 4),  # a () tensor has no size
        ({"label": None, "x": [np.zeros((3, 1))]}, 3),
        (["one text", "another"], 2),
        (7, 1),
    ],
)
def test_size_is_the_first_dimension_of_the_first_array(batch, size):
    assert batch_size(batch) == size
