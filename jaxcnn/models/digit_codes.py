"""Drawings of the ten digits, which LeNet-5 compares its features with."""

import functools

import numpy as np

DRAWINGS = """
..###.. ...#... ..###.. .#####. ....##. ####### ...###. ####### .#####. ..###..
.##.##. ..##... .##.##. ##...## ...###. ##..... ..##... ##...## ##...## .##.##.
##...## .###... ##...## .....## ...###. ##..... .##.... .....## ##...## ##...##
##...## ...#... .....## .....## ..#.##. ##..... ##..... .....## ##...## ##...##
##...## ...#... .....## ....##. ..#.##. #####.. ##.###. ....##. .##.##. ##...##
##...## ...#... ....##. ..####. .##.##. ....##. ###.##. ....##. ..###.. .##.###
##...## ...#... ...##.. ....##. .#..##. .....## ##...## ...##.. .##.##. ..##.##
##...## ...#... ..##... .....## ####### .....## ##...## ...##.. ##...## .....##
##...## ...#... .##.... .....## ....##. .....## ##...## ..##... ##...## .....##
##...## ...#... ##..... .....## ....##. .....## ##...## ..##... ##...## ....##.
.##.##. ...#... ##..... ##...## ....##. ##..##. .##.##. ..##... ##...## ...##..
..###.. .#####. ####### .#####. ....##. .####.. ..###.. ..##... .#####. .###...
"""


@functools.cache
def digit_codes() -> np.ndarray:
    """Return the 7x12 drawings as codes of -1 (paper) and 1 (ink), (10, 84).

    Like digits have like codes: LeCun et al. 1998 choose drawings rather than one place for each
    class so that confusions are of characters that look alike (section II.B, figure 3; the
    drawings here are our own, in that size).

    >>> digit_codes().shape, sorted(set(digit_codes().ravel().tolist()))
    ((10, 84), [-1.0, 1.0])
    """
    rows = [line.split() for line in DRAWINGS.split("\n") if line]
    codes = [[mark == "#" for row in rows for mark in row[digit]] for digit in range(10)]
    return np.where(codes, 1.0, -1.0)
