"""Strict comparison, explained in plain words."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from coursekit.checking import difference
from coursekit.checking.plain import Opaque, plain

NAN = float("nan")


@dataclass
class Point:
    x: float
    y: float


EQUAL = {
    "numpy scalar is a number": (np.float64(0.5), 0.5),
    "float32 scalar within tolerance": (np.float32(0.1), 0.1),
    "whole number where a decimal of the same value is expected": (1, 1.0),
    "numpy bool is a bool": (np.True_, True),
    "nan agrees with nan": (NAN, NAN),
    "infinity agrees with itself": (float("inf"), float("inf")),
    "float32 array where float64 is expected": (np.ones(3, np.float32), np.ones(3)),
    "nan at the same place of an array": (np.array([1, NAN]), np.array([1, NAN])),
    "dictionary in another order": ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
    "nested containers": ([(1, {"a": [2.0]})], [(1, {"a": [2.0]})]),
    "stored zero of a sparse matrix": (
        sparse.csr_array((np.array([0.0]), ([0], [0])), shape=(2, 2)),
        sparse.csr_array((2, 2)),
    ),
    "old sparse class": (sparse.csr_matrix(np.eye(2)), sparse.csr_array(np.eye(2))),
    "frames with equal content": (pd.DataFrame({"a": ["x", None]}), pd.DataFrame({"a": ["x", None]})),
    "text array whatever its width": (np.array(["ab"]), np.array(["ab"], dtype="U10")),
    "empty arrays of equal shape": (np.zeros((0, 3)), np.zeros((0, 3))),
    "dataclasses field by field": (Point(1, 2), Point(1.0, 2.0)),
    "numpy integers as keys": ({np.int64(1): 2}, {1: 2}),
}

DIFFERENT = {
    "empty list": ([], 3.0, "a list where a number was expected"),
    "empty array broadcasts to nothing": (np.array([]), 3.0, "an array where a number was expected"),
    "array of no dimension": (np.array(0.8), 0.8, "an array where a number was expected"),
    "True is not 1": (True, 1, "True or False where a number was expected"),
    "1 is not True": (1, True, "a number where True or False was expected"),
    "decimal where whole": (2.0, 2, "a decimal number (2.0) where a whole number was expected"),
    "None": (None, 0.5, "None where a number was expected"),
    "nan": (NAN, 0.5, "it is nan where 0.5 was expected"),
    "number where nan": (0.5, NAN, "it is 0.5 where nan was expected"),
    "sign of infinity": (float("-inf"), float("inf"), "it is -inf where inf was expected"),
    "just outside the tolerance": (1.00001, 1.0, "it is 1.00001 where 1.0 was expected"),
    "text of a number": ("0.5", 0.5, "a text where a number was expected"),
    "case of letters": ("SQL", "sql", "(only upper and lower case differ)"),
    "spaces": ("a  b", "a b", "(only spaces differ)"),
    "list for array": ([1, 2], np.array([1, 2]), "a list where an array was expected"),
    "tuple for list": ((1, 2), [1, 2], "a tuple where a list was expected"),
    "shape": (np.zeros(3), np.zeros((3, 2)), "shape (3,) where (3, 2) was expected"),
    "row for column": (np.ones((1, 3)), np.ones((3, 1)), "shape (1, 3) where (3, 1) was expected"),
    "whole for decimal": (
        np.array([1]),
        np.array([1.0]),
        "whole numbers where decimal numbers were expected",
    ),
    "bool for whole": (np.array([True]), np.array([1]), "True and False where whole numbers were expected"),
    "one element": (
        np.array([1.0, 2, 4]),
        np.array([1.0, 2, 3]),
        "element [2] is 4.0 where 3.0 was expected",
    ),
    "some elements": (np.zeros((2, 2)), np.eye(2), "element [0, 0] is 0.0 where 1.0 was expected (2 of 4"),
    "nan in an array": (np.array([NAN]), np.array([0.0]), "element [0] is nan where 0.0 was expected"),
    "infinite expected": (np.array([1.0]), np.array([np.inf]), "element [0] is 1.0 where inf was expected"),
    "length of a list": ([1], [1, 2], "a list of 1 element where 2 were expected"),
    "inside a list": ([1, [2, 3]], [1, [2, 4]], "element [1][1] is 3 where 4 was expected"),
    "missing key": ({"a": 1}, {"a": 1, "b": 2}, "the key 'b' is missing"),
    "extra key": ({"a": 1, "c": 2}, {"a": 1}, "the key 'c' was not expected"),
    "wrong entry": ({"a": 1}, {"a": 2}, "entry ['a'] is 1 where 2 was expected"),
    "set": ({1, 2}, {1, 3}, "the set lacks something that was expected: 3"),
    "larger set": ({1, 2}, {1}, "the set holds 2, which was not expected"),
    "series for frame": (pd.Series([1]), pd.DataFrame({"a": [1]}), "a Series where a DataFrame was expected"),
    "columns": (
        pd.DataFrame({"b": [1]}),
        pd.DataFrame({"a": [1]}),
        "columns ['b'] where ['a'] were expected",
    ),
    "rows": (pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [1, 2]}), "a DataFrame of 1 row where 2 were"),
    "index": (
        pd.DataFrame({"a": [1]}, index=[5]),
        pd.DataFrame({"a": [1]}),
        "the index at [0] is 5 where 0 was expected",
    ),
    "cell of a frame": (
        pd.DataFrame({"a": [1.0], "b": ["x"]}),
        pd.DataFrame({"a": [1.0], "b": ["y"]}),
        "column 'b' [0] is 'x' where 'y' was expected",
    ),
    "name of a series": (pd.Series([1], name="a"), pd.Series([1], name="b"), "a Series named 'a' where 'b'"),
    "dense for sparse": (np.eye(2), sparse.csr_array(np.eye(2)), "an array where a sparse matrix was"),
    "sparse entry": (
        sparse.csr_array(np.eye(2)),
        sparse.csr_array(np.diag([1.0, 2.0])),
        "element [1, 1] is 1.0 where 2.0 was expected",
    ),
    "field": (Point(1, 2), Point(1, 3), "entry ['y'] is 2 where 3 was expected"),
    "generator": ((i for i in [1]), [1], "an object of class generator where a list was expected"),
    "function": (len, 1.0, "an object of class builtin_function_or_method where a number was expected"),
}


@pytest.mark.parametrize("case", EQUAL)
def test_no_difference_between(case):
    received, expected = EQUAL[case]
    assert difference(received, expected) is None


@pytest.mark.parametrize("case", DIFFERENT)
def test_difference_is_told(case):
    received, expected, text = DIFFERENT[case]
    assert text in difference(received, expected)


def test_tolerance_is_relative_and_absolute():
    assert difference(1e6 + 0.9, 1e6, within=1e-6) is None
    assert difference(1e6 + 1.1, 1e6, within=1e-6) is not None
    assert difference(0.9e-6, 0.0, within=1e-6) is None
    assert difference(1.1e-6, 0.0, within=1e-6) is not None


def test_without_reveal_the_expected_value_is_not_told():
    assert difference(0.5, 0.123, reveal=False) == "it is 0.5, which is too large"
    assert difference(0.1, 0.123, reveal=False) == "it is 0.1, which is too small"
    assert "'secret'" not in difference("guess", "secret", reveal=False)
    assert "7" not in difference({1}, {1, 7}, reveal=False)


def test_tensors_are_compared_like_arrays():
    torch = pytest.importorskip("torch")
    assert difference(torch.ones(2, requires_grad=True), torch.ones(2)) is None
    assert difference(torch.ones(2, dtype=torch.bfloat16), torch.ones(2)) is None
    assert difference(torch.tensor([]), torch.tensor(3.0)) == "shape (0,) where () was expected"
    assert difference(np.ones(2), torch.ones(2)) == "an array where a tensor was expected"
    assert "whole numbers where decimal" in difference(torch.ones(2, dtype=torch.int64), torch.ones(2))
    assert "element [1] is 1.0 where 2.0" in difference(torch.ones(2), torch.tensor([1.0, 2.0]))


class EqualToAll(float):
    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False

    def __sub__(self, other):
        return 0.0

    __rsub__ = __sub__
    __hash__ = float.__hash__


class Chameleon:
    __class__ = float

    def __eq__(self, other):
        return True

    def __float__(self):
        return 0.5

    __hash__ = object.__hash__


class EqualArray(np.ndarray):
    def __eq__(self, other):
        return np.True_

    def __array_finalize__(self, made):
        pass

    __hash__ = None


class LyingList(list):
    def __len__(self):
        return 2

    def __iter__(self):
        return iter([1, 2])


@pytest.mark.parametrize(
    ("trick", "expected"),
    [
        (EqualToAll(7.0), 0.5),
        (Chameleon(), 0.5),
        (np.zeros(2).view(EqualArray), np.ones(2)),
        (LyingList(), [1, 2]),
        ([EqualToAll(7.0)], [0.5]),
    ],
    ids=["number", "chameleon", "array", "list", "inside a list"],
)
def test_objects_that_claim_to_be_equal_are_not_believed(trick, expected):
    assert difference(trick, expected) is not None


@pytest.mark.parametrize(
    ("received", "expected"),
    [(10**400, 1.0), (1.0, 10**400), (10**5000, 3), (complex(1.7e308, 1.7e308), 0j), ([10**5000], [1])],
    ids=["int above all floats", "float against it", "too long to write", "complex overflow", "in a list"],
)
def test_numbers_beyond_all_floats_differ_and_can_be_told(received, expected):
    assert len(difference(received, expected)) < 300
    assert difference(received, received) is None


def test_plain_data_stays_as_it_is_when_made_plain_again():
    assert difference(plain(plain(Point(1.0, 2.0))), Point(1.0, 2.0)) is None
    assert type(plain(plain(object()))) is Opaque
    assert difference(plain(object()), plain(object())) is not None  # it equals nothing
