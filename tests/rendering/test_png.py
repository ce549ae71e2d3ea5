"""PNG files: what is decoded is what was encoded."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from safegrid.rendering import png


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (64, 17)])
def test_an_image_is_decoded_as_it_was_encoded(shape):
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    decoded = Image.open(io.BytesIO(png.encode(image)))
    assert decoded.format == "PNG" and decoded.mode == "RGB"
    decoded.verify()  # the checksums
    assert (np.asarray(Image.open(io.BytesIO(png.encode(image)))) == image).all()


def test_a_part_of_a_larger_image_is_encoded():
    image = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    part = image[2:5, 1:7]
    assert (np.asarray(Image.open(io.BytesIO(png.encode(part)))) == part).all()


def test_a_data_url_holds_the_file():
    image = np.zeros((2, 2, 3), np.uint8)
    start, _, content = png.data_url(image).partition(",")
    assert start == "data:image/png;base64" and base64.b64decode(content) == png.encode(image)
