"""Widths that scaling leaves between two multiples."""


def make_divisible(width: float, divisor: int = 8) -> int:
    """Return the nearest multiple of a divisor, or the next one if that loses over a tenth.

    Args:
      width: Channels that a rule asks for, > 0.
      divisor: What the result is a multiple of, >= 1.

    Returns:
      The multiple, at least one; ties go up.

    Source: the code of MobileNet (Howard et al. 2017), which torchvision follows.

    >>> make_divisible(36), make_divisible(35), make_divisible(11), make_divisible(1)
    (40, 32, 16, 8)
    """
    nearest = max(divisor, int(width + divisor / 2) // divisor * divisor)
    return nearest + divisor if nearest < 0.9 * width else nearest
