# Large images in parts, as if they were seen whole.
from jaxcnn.tiles.overlap import overlap_tile as overlap_tile
from jaxcnn.tiles.plan import Tiling as Tiling
from jaxcnn.tiles.plan import tiling as tiling
