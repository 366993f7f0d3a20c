"""Search by image: vectors for images, an index of them, and how good it is."""

from jaxcnn.retrieval.describe import POOLINGS as POOLINGS
from jaxcnn.retrieval.describe import SCALES as SCALES
from jaxcnn.retrieval.describe import describe as describe
from jaxcnn.retrieval.error import IndexFolderError as IndexFolderError
from jaxcnn.retrieval.exact import Matches as Matches
from jaxcnn.retrieval.exact import search as search
from jaxcnn.retrieval.fingerprint import fingerprint as fingerprint
from jaxcnn.retrieval.index import Index as Index
from jaxcnn.retrieval.normalize import l2_normalize as l2_normalize
from jaxcnn.retrieval.pooling import crow as crow
from jaxcnn.retrieval.pooling import gem as gem
from jaxcnn.retrieval.pooling import mac as mac
from jaxcnn.retrieval.pooling import neural_code as neural_code
from jaxcnn.retrieval.pooling import spoc as spoc
from jaxcnn.retrieval.projection import Projection as Projection
from jaxcnn.retrieval.projection import compact as compact
from jaxcnn.retrieval.projection import fit_projection as fit_projection
from jaxcnn.retrieval.regions import region_grid as region_grid
from jaxcnn.retrieval.regions import rmac as rmac
