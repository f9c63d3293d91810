"""A detector that was not made here: OpenCV's Haar cascades of frontal faces and of eyes (Viola and Jones 2001).

It tells whether a picture reads as a face at all, whoever it is: the mean face passes it.
"""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

MARGIN = 0.25
"""White around the image, over its side: a head that fills its image is not found."""
SIDE = 300
"""Pixels of an image without margin when it is searched: eyes have to be 20 pixels wide."""
STEP, VOTES = 1.05, 3
"""Ratio of the sizes that are tried, and windows that have to agree."""
DEFINITIONS = {
    "face": "share of pictures in which OpenCV's Haar cascade finds a frontal face, among those where it finds one in "
    "the true render",
    "eyes": "the same of a face with two eyes, by a second cascade in its upper half",
}


def find_faces(images: NDArray[np.uint8]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Search for frontal faces.

    Parameters
    ----------
    images : (n, H, W) or (n, H, W, 3) uint8
        Near-frontal heads before white.

    Returns
    -------
    (n,) True where a face was found, and (n,) True where one with two eyes was found.
    """
    found = [_search(image) for image in images]
    return np.array([bool(f) for f, _ in found], bool), np.array([e for _, e in found], bool)


def _search(image: NDArray[np.uint8]) -> tuple[int, bool]:
    """The number of faces in an image, and whether one of them has two eyes."""
    import cv2

    grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    grey = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    grey = np.pad(grey, round(MARGIN * SIDE), constant_values=255)
    faces = _cascade("frontalface_default").detectMultiScale(grey, STEP, VOTES, minSize=(SIDE // 4, SIDE // 4))
    eyes = _cascade("eye")
    for x, y, width, height in faces:
        seen = eyes.detectMultiScale(
            grey[y : y + height * 3 // 5, x : x + width], STEP, VOTES, maxSize=(width // 2,) * 2
        )
        centres = [ex + ew / 2 for ex, _, ew, _ in seen]
        if centres and max(centres) - min(centres) > width / 5:
            return len(faces), True
    return len(faces), False


@cache
def _cascade(name: str) -> Any:
    import cv2

    return cv2.CascadeClassifier(str(Path(cv2.__file__).parent / "data" / f"haarcascade_{name}.xml"))
