"""Requests to the process that plays a policy."""

import io

import numpy as np
import pytest

from safegrid.benchmark.sandbox import player


@pytest.mark.parametrize(
    "arrays",
    [
        [],
        [np.arange(6).reshape(2, 3), np.array([2**63], np.uint64)],
        [np.zeros((0, 4)), np.ones((3, 0, 2), np.uint8), np.float32(0.1)[None]],
        [np.array(["##\n#A", "#A\n##"])],
    ],
)
def test_a_request_is_read_as_it_was_written(arrays):
    request = io.BytesIO(player.encode({"task": "act"}, arrays) + b"the next one")
    header, read = player.decode(lambda count: bytearray(request.read(count)))
    assert header["task"] == "act" and request.read() == b"the next one"
    assert [a.dtype for a in read] == [a.dtype for a in arrays]
    for one, other in zip(read, arrays, strict=True):
        np.testing.assert_array_equal(one, other)
        one[...] = one  # it can be written to
