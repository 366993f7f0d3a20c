"""The Inception blocks as tables of branches, for `Branches`."""

from jaxcnn.blocks.branches import Branch, ConvStep, PoolStep, SplitStep

Table = tuple[Branch, ...]

# Windows start at 0, 2, 4, ... and the last may hang over: for even sizes this is Caffe's pool
# in ceil mode, and for odd ones the map is as large as that of a convolution padded by 1.
OVERHANG = ((0, 2), (0, 2))


def inception_naive(n1x1: int, n3x3: int, n5x5: int) -> Table:
    """Describe the naive block: 1x1, 3x3, 5x5 and a 3x3 max-pooling of all input channels.

    Args:
      n1x1: Features of the 1x1.
      n3x3: Features of the 3x3.
      n5x5: Features of the 5x5.

    Returns:
      Branches whose output has n1x1 + n3x3 + n5x5 + C channels, in this order.

    Source: Szegedy et al. 2014, figure 2a.

    >>> [branch.name for branch in inception_naive(64, 128, 32)]
    ['branch1x1', 'branch3x3', 'branch5x5', 'branch_pool']
    """
    return (
        Branch("branch1x1", (ConvStep(n1x1),)),
        Branch("branch3x3", (ConvStep(n3x3, 3),)),
        Branch("branch5x5", (ConvStep(n5x5, 5),)),
        Branch("branch_pool", (PoolStep("max"),)),
    )


def inception_v1(
    n1x1: int, n3x3_reduce: int, n3x3: int, n5x5_reduce: int, n5x5: int, n_pool: int, size: int = 5
) -> Table:
    """Describe GoogLeNet's block, in which 1x1 convolutions reduce the channels.

    Args:
      n1x1: Features of the 1x1.
      n3x3_reduce: Features of the 1x1 before the 3x3.
      n3x3: Features of the 3x3.
      n5x5_reduce: Features of the 1x1 before the 5x5.
      n5x5: Features of the 5x5.
      n_pool: Features of the 1x1 after the 3x3 max-pooling.
      size: Kernel size of the "5x5"; torchvision's weights have 3 there.

    Returns:
      Branches whose output has n1x1 + n3x3 + n5x5 + n_pool channels, in this order.

    Source: Szegedy et al. 2014, figure 2b; the arguments are a row of table 1.

    >>> inception_v1(64, 96, 128, 16, 32, 32)[2].steps[1]
    ConvStep(features=32, kernel_size=5, stride=1, padding=None)
    """
    return (
        Branch("branch1x1", (ConvStep(n1x1),)),
        Branch("branch3x3", (ConvStep(n3x3_reduce), ConvStep(n3x3, 3))),
        Branch("branch5x5", (ConvStep(n5x5_reduce), ConvStep(n5x5, size))),
        Branch("branch_pool", (PoolStep("max"), ConvStep(n_pool))),
    )


def inception_v2(
    n1x1: int,
    n3x3_reduce: int,
    n3x3: int,
    n3x3dbl_reduce: int,
    n3x3dbl: int,
    n_pool: int,
    pool: str = "avg",
) -> Table:
    """Describe BN-Inception's block, in which two 3x3 stand for the 5x5.

    Args:
      n1x1: Features of the 1x1.
      n3x3_reduce: Features of the 1x1 before the 3x3.
      n3x3: Features of the 3x3.
      n3x3dbl_reduce: Features of the 1x1 before the double 3x3.
      n3x3dbl: Features of both 3x3 of the double one.
      n_pool: Features of the 1x1 after the 3x3 pooling.
      pool: `"avg"`, or `"max"` as in block 5b.

    Returns:
      Branches whose output has n1x1 + n3x3 + n3x3dbl + n_pool channels, in this order.

    Source: Ioffe & Szegedy 2015, appendix, figure 5.

    >>> inception_v2(64, 64, 64, 64, 96, 32)[3].steps[0].kind
    'avg'
    """
    double = (ConvStep(n3x3dbl_reduce), ConvStep(n3x3dbl, 3), ConvStep(n3x3dbl, 3))
    return (
        Branch("branch1x1", (ConvStep(n1x1),)),
        Branch("branch3x3", (ConvStep(n3x3_reduce), ConvStep(n3x3, 3))),
        Branch("branch3x3dbl", double),
        Branch("branch_pool", (PoolStep(pool), ConvStep(n_pool))),
    )


def inception_v2_reduction(n3x3_reduce: int, n3x3: int, n3x3dbl_reduce: int, n3x3dbl: int) -> Table:
    """Describe BN-Inception's block that halves the size: no 1x1, and a bare max-pooling.

    Args:
      n3x3_reduce: Features of the 1x1 before the 3x3.
      n3x3: Features of the 3x3, which has stride 2.
      n3x3dbl_reduce: Features of the 1x1 before the double 3x3.
      n3x3dbl: Features of both 3x3 of the double one, of which the second has stride 2.

    Returns:
      Branches that map (H, W) to (ceil(H / 2), ceil(W / 2)), with n3x3 + n3x3dbl + C channels.

    Source: Ioffe & Szegedy 2015, appendix, figure 5, blocks 3c and 4e.

    >>> [branch.name for branch in inception_v2_reduction(128, 160, 64, 96)]
    ['branch3x3', 'branch3x3dbl', 'branch_pool']
    """
    double = (ConvStep(n3x3dbl_reduce), ConvStep(n3x3dbl, 3), ConvStep(n3x3dbl, 3, stride=2))
    return (
        Branch("branch3x3", (ConvStep(n3x3_reduce), ConvStep(n3x3, 3, stride=2))),
        Branch("branch3x3dbl", double),
        Branch("branch_pool", (PoolStep("max", stride=2, padding=OVERHANG),)),
    )


def inception_a(n_pool: int) -> Table:
    """Describe Inception-v3's block at 35x35: 1x1, 5x5, double 3x3, average pooling.

    Args:
      n_pool: Features of the 1x1 after the pooling: 32, then 64.

    Returns:
      Branches whose output has 64 + 64 + 96 + n_pool channels.

    Source: Szegedy et al. 2015, figure 5; widths and names as in torchvision (Mixed_5).

    >>> [name for branch in inception_a(32) for name in branch.names() if name]
    ['branch1x1', 'branch5x5_1', 'branch5x5_2', 'branch3x3dbl_1', 'branch3x3dbl_2',
     'branch3x3dbl_3', 'branch_pool']
    """
    return (
        Branch("branch1x1", (ConvStep(64),)),
        Branch("branch5x5", (ConvStep(48), ConvStep(64, 5))),
        Branch("branch3x3dbl", (ConvStep(64), ConvStep(96, 3), ConvStep(96, 3))),
        Branch("branch_pool", (PoolStep("avg"), ConvStep(n_pool))),
    )


def inception_b() -> Table:
    """Describe Inception-v3's reduction from 35x35 to 17x17: pooling beside convolutions.

    Returns:
      Branches without padding, whose output has 384 + 96 + C channels.

    Source: Szegedy et al. 2015, figure 10; as torchvision's Mixed_6a.

    >>> inception_b()[0].steps
    (ConvStep(features=384, kernel_size=3, stride=2, padding=0),)
    """
    double = (ConvStep(64), ConvStep(96, 3), ConvStep(96, 3, stride=2, padding=0))
    return (
        Branch("branch3x3", (ConvStep(384, 3, stride=2, padding=0),)),
        Branch("branch3x3dbl", double),
        Branch("branch_pool", (PoolStep("max", stride=2, padding=0),)),
    )


def inception_c(n7x7: int) -> Table:
    """Describe Inception-v3's block at 17x17: 7x7 convolutions as pairs of 1x7 and 7x1.

    Args:
      n7x7: Features within the 7x7 branches: 128, 160, 160, 192.

    Returns:
      Branches whose output has 4 x 192 channels.

    Source: Szegedy et al. 2015, figure 6; as torchvision's Mixed_6b to Mixed_6e.

    >>> [step.kernel_size for step in inception_c(128)[2].steps]
    [1, (7, 1), (1, 7), (7, 1), (1, 7)]
    """
    row, column = (1, 7), (7, 1)
    double = [ConvStep(n7x7, kernel) for kernel in (column, row, column)]
    return (
        Branch("branch1x1", (ConvStep(192),)),
        Branch("branch7x7", (ConvStep(n7x7), ConvStep(n7x7, row), ConvStep(192, column))),
        Branch("branch7x7dbl", (ConvStep(n7x7), *double, ConvStep(192, row))),
        Branch("branch_pool", (PoolStep("avg"), ConvStep(192))),
    )


def inception_d() -> Table:
    """Describe Inception-v3's reduction from 17x17 to 8x8.

    Returns:
      Branches without padding at stride 2, whose output has 320 + 192 + C channels.

    Source: Szegedy et al. 2015, figure 10; as torchvision's Mixed_7a.

    >>> [branch.name for branch in inception_d()]
    ['branch3x3', 'branch7x7x3', 'branch_pool']
    """
    factorised = (ConvStep(192), ConvStep(192, (1, 7)), ConvStep(192, (7, 1)))
    reduction = ConvStep(192, 3, stride=2, padding=0)
    return (
        Branch("branch3x3", (ConvStep(192), ConvStep(320, 3, stride=2, padding=0))),
        Branch("branch7x7x3", (*factorised, reduction)),
        Branch("branch_pool", (PoolStep("max", stride=2, padding=0),)),
    )


def inception_e() -> Table:
    """Describe Inception-v3's block at 8x8: 3x3 convolutions as 1x3 beside 3x1.

    Returns:
      Branches whose output has 320 + 768 + 768 + 192 = 2048 channels.

    Source: Szegedy et al. 2015, figure 7; as torchvision's Mixed_7b and Mixed_7c.

    >>> inception_e()[1].steps[1].convs[1]
    ConvStep(features=384, kernel_size=(3, 1), stride=1, padding=None)
    """
    sides = SplitStep((ConvStep(384, (1, 3)), ConvStep(384, (3, 1))))
    return (
        Branch("branch1x1", (ConvStep(320),)),
        Branch("branch3x3", (ConvStep(384), sides)),
        Branch("branch3x3dbl", (ConvStep(448), ConvStep(384, 3), sides)),
        Branch("branch_pool", (PoolStep("avg"), ConvStep(192))),
    )
