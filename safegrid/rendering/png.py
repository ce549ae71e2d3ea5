"""Encodes images as PNG files (ISO/IEC 15948)."""

import base64
import struct
import zlib

import numpy as np
from numpy.typing import NDArray


def encode(image: NDArray[np.uint8]) -> bytes:
    """The bytes of a PNG file that shows an image uint8[height, width, 3]."""
    height, width, _ = image.shape
    unfiltered = np.zeros((height, 1), np.uint8)  # the filter type that precedes every row
    rows = np.concatenate([unfiltered, image.reshape(height, -1)], axis=1)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)  # 8 bits a channel, RGB
    chunks = (
        _chunk(b"IHDR", header),
        _chunk(b"IDAT", zlib.compress(rows.tobytes(), 9)),
        _chunk(b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def data_url(image: NDArray[np.uint8]) -> str:
    """An image uint8[height, width, 3] as a `data:` URL that a page can show."""
    return "data:image/png;base64," + base64.b64encode(encode(image)).decode()


def _chunk(name: bytes, body: bytes) -> bytes:
    checksum = zlib.crc32(name + body)
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", checksum)
