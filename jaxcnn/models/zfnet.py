"""ZFNet, AlexNet after a look inside it (Zeiler & Fergus 2014): a table for the same class."""

from jaxcnn.models.alexnet import AlexNet, ConvRow
from jaxcnn.models.initializers import normal_001
from jaxcnn.models.variant import Variant

# Figure 3. Filters of 7x7 at stride 2 replace the 11x11 at stride 4, which had mixed high and low
# frequencies and aliased (section 4.1). Padding of 1 and pools that hang over the border give the
# figure's maps: 110, 55, 26, 13 and 6 pixels wide. Normalisation follows pooling here; the paper
# names no constants for it, and AlexNet's are used.
FIGURE_3 = {
    "convs": (
        ConvRow(96, 7, 2, 1, after=("pool", "lrn")),
        ConvRow(256, 5, 2, after=("pool", "lrn")),
        ConvRow(384, 3, padding=1),
        ConvRow(384, 3, padding=1),
        ConvRow(256, 3, padding=1, after=("pool",)),
    ),
    "ceil_mode": True,
    "dropout_before": ("fc7", "head"),
    "kernel_init": normal_001,
}
VARIANTS = {
    "zfnet": Variant(AlexNet, 62_357_608, "Zeiler & Fergus 2014, figure 3", FIGURE_3),
}
