"""`tf.train.Example` without TensorFlow: the same bytes, read back by either."""

import json
import math
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nndata.errors import FormatError
from nndata.example import Feature, Features
from nndata.formats.tfexample import Codec, decode, encode

# No name begins with another: protobuf's Python sorts those the other way round.
ALL = Features(
    {
        "text": Feature("str"),
        "raw": Feature("bytes", optional=True),
        "count": Feature("int"),
        "score": Feature("float"),
        "flag": Feature("bool"),
        "meta": Feature("json", optional=True),
        "words": Feature("str", many=True),
        "blobs": Feature("bytes", many=True),
        "numbers": Feature("int", many=True, optional=True),
        "weights": Feature("float", many=True),
        "marks": Feature("bool", many=True),
        "trees": Feature("json", many=True),
        "título": Feature("str", optional=True),
    }
)
FLOATS = st.floats(width=32, allow_nan=False)
INTS = st.integers(-(1 << 63), (1 << 63) - 1)
JSONS = st.recursive(
    st.booleans() | INTS | st.text() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
EXAMPLES = st.fixed_dictionaries(
    {
        "id": st.text(),
        "text": st.text(),
        "raw": st.none() | st.binary(),
        "count": INTS,
        "score": FLOATS,
        "flag": st.booleans(),
        "meta": st.none() | st.dictionaries(st.text(), JSONS, max_size=3),
        "words": st.lists(st.text()),
        "blobs": st.lists(st.binary()),
        "numbers": st.none() | st.lists(INTS, max_size=200),
        "weights": st.lists(FLOATS),
        "marks": st.lists(st.booleans()),
        "trees": st.lists(JSONS, max_size=3),
        "título": st.none() | st.text(),
    }
)
SMALL = Features({"n": Feature("int", optional=True), "t": Feature("str", optional=True)})


@given(EXAMPLES)
def test_what_is_encoded_is_decoded(example):
    assert decode(encode(example, ALL), ALL) == example


@settings(max_examples=50, deadline=None)
@given(EXAMPLES)
def test_the_bytes_are_those_of_tensorflow(example):
    import tensorflow as tf

    made = {name: _theirs(tf, ALL[name], v) for name, v in example.items() if v is not None}
    theirs = tf.train.Example(features=tf.train.Features(feature=made))
    ours = encode(example, ALL)
    assert ours == theirs.SerializeToString(deterministic=True)
    assert tf.train.Example.FromString(ours) == theirs


def _theirs(tf, feature, value):
    values = value if feature.many else [value]
    if feature.kind in ("int", "bool"):
        return tf.train.Feature(int64_list=tf.train.Int64List(value=[int(v) for v in values]))
    if feature.kind == "float":
        return tf.train.Feature(float_list=tf.train.FloatList(value=values))
    texts = {"str": str.encode, "bytes": bytes, "json": _canonical}[feature.kind]
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[texts(v) for v in values]))


def _canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def test_the_bytes_of_one_example_are_written_out():
    data = encode({"id": "a", "t": None, "n": -1}, SMALL)
    assert data == (
        b"\x0a\x22"
        b"\x0a\x0b" b"\x0a\x02id" b"\x12\x05" b"\x0a\x03" b"\x0a\x01a"
        b"\x0a\x13" b"\x0a\x01n" b"\x12\x0e" b"\x1a\x0c" b"\x0a\x0a" + b"\xff" * 9 + b"\x01"
    )  # fmt: skip


def test_features_are_written_by_name_whatever_the_order_of_the_dict():
    assert encode({"n": 1, "t": "x", "id": "a"}, SMALL) == encode(
        {"id": "a", "t": "x", "n": 1}, SMALL
    )


def test_features_in_another_order_are_read():
    one = encode({"id": "a"}, Features({}))[2:]
    two = encode({"id": "a", "n": 5}, SMALL)[2 + len(one) :]
    assert decode(b"\x0a" + bytes([len(one + two)]) + two + one, SMALL) == {
        "id": "a",
        "n": 5,
        "t": None,
    }


def test_origin_is_left_out_and_not_taken_away():
    example = {"id": "a", "origin": object()}
    assert encode(example, SMALL) == encode({"id": "a"}, SMALL)
    assert "origin" in example


def test_absent_and_empty_are_not_the_same():
    features = Features({"n": Feature("int", many=True, optional=True)})
    for value in (None, [], [0]):
        assert decode(encode({"id": "a", "n": value}, features), features)["n"] == value


def test_a_default_is_not_stored():
    features = Features({"n": Feature("int", optional=True, default=7)})
    assert decode(encode({"id": "a"}, features), features) == {"id": "a", "n": None}


def test_floats_are_kept_as_32_bits():
    features = Features({"x": Feature("float")})
    assert (
        decode(encode({"id": "a", "x": 0.1}, features), features)["x"]
        == struct.unpack("<f", struct.pack("<f", 0.1))[0]
    )
    assert math.isnan(decode(encode({"id": "a", "x": math.nan}, features), features)["x"])


@pytest.mark.parametrize(
    ("name", "kind", "value"),
    [
        ("text", "str", b"bytes"),
        ("text", "str", "\ud800"),
        ("text", "str", 5),
        ("raw", "bytes", "str"),
        ("count", "int", True),
        ("count", "int", 1.0),
        ("count", "int", 1 << 63),
        ("count", "int", -(1 << 63) - 1),
        ("score", "float", "1"),
        ("score", "float", True),
        ("score", "float", 1e300),
        ("flag", "bool", 1),
        ("meta", "json", {"x": math.nan}),
        ("meta", "json", {"x": "\ud800"}),
        ("meta", "json", {"x": {1, 2}}),
        ("text", "str", None),
    ],
)
def test_a_value_that_does_not_fit_names_the_example(name, kind, value):
    with pytest.raises(FormatError, match="example 'simplewiki:12'"):
        encode({"id": "simplewiki:12", name: value}, Features({name: Feature(kind)}))
    with pytest.raises(FormatError, match="example 'simplewiki:12'"):
        encode(
            {"id": "simplewiki:12", name: [value, value]},
            Features({name: Feature(kind, many=True)}),
        )


def test_an_undeclared_field_is_refused():
    with pytest.raises(FormatError, match="extra"):
        encode({"id": "a", "extra": 1}, SMALL)
    with pytest.raises(FormatError, match="'n' is not declared"):
        decode(encode({"id": "a", "n": 1}, SMALL), Features({}))


def test_one_value_is_no_list():
    with pytest.raises(FormatError, match="list of int"):
        encode({"id": "a", "n": 5}, Features({"n": Feature("int", many=True)}))


def test_deep_json_is_an_error_and_no_crash():
    deep = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(FormatError, match="example 'a'"):
        encode({"id": "a", "j": deep}, Features({"j": Feature("json")}))


def test_a_missing_feature_is_told_when_read():
    with pytest.raises(FormatError, match="'n' is missing"):
        decode(encode({"id": "a"}, SMALL), Features({"n": Feature("int")}))


def test_unpacked_numbers_of_other_writers_are_read():
    # Int64List and FloatList whose values each have a tag of their own
    ints = b"\x0a\x0b\x0a\x01n\x12\x06\x1a\x04\x08\x05\x08\x06"
    name = encode({"id": "a"}, Features({}))[2:]
    features = Features({"n": Feature("int", many=True)})
    data = b"\x0a" + bytes([len(name + ints)]) + name + ints
    assert decode(data, features) == {"id": "a", "n": [5, 6]}
    floats = b"\x0a\x0e\x0a\x01x\x12\x09\x12\x07\x0a\x00\x0d" + struct.pack("<f", 2.5)
    features = Features({"x": Feature("float")})
    data = b"\x0a" + bytes([len(name + floats)]) + name + floats
    assert decode(data, features) == {"id": "a", "x": 2.5}


@given(EXAMPLES, st.data())
def test_damaged_bytes_are_an_error_or_another_example_but_never_a_crash(example, data):
    damaged = bytearray(encode(example, ALL))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(damaged) - 1))
        damaged[place] = data.draw(st.integers(0, 255))
    damaged = bytes(damaged[: data.draw(st.integers(0, len(damaged)))])
    for read in (Codec(ALL).decode, Codec(ALL).id):
        try:
            read(damaged)
        except FormatError:
            continue


@given(st.binary(max_size=60))
def test_any_bytes_are_an_error_or_an_example(data):
    for read in (Codec(SMALL).decode, Codec(SMALL).id):
        try:
            read(data)
        except FormatError:
            continue


def test_the_id_is_read_alone():
    codec = Codec(ALL)
    example = {name: f.fill for name, f in ALL.items()} | {"id": "simplewiki:12"}
    assert codec.id(codec.encode(example)) == "simplewiki:12"


@given(st.lists(INTS | st.integers(-5, 70_000), min_size=60, max_size=300))
def test_long_lists_of_numbers_survive(numbers):
    features = Features({"n": Feature("int", many=True)})
    example = {"id": "a", "n": numbers}
    assert decode(encode(example, features), features) == example
