# Images on the host: files to uint8 arrays, their size and their channels.
from jaxcnn.images.colors import Scale as Scale
from jaxcnn.images.colors import colorbar as colorbar
from jaxcnn.images.colors import colorize as colorize
from jaxcnn.images.draw import fit as fit
from jaxcnn.images.draw import grid as grid
from jaxcnn.images.draw import sheet as sheet
from jaxcnn.images.error import ImageError as ImageError
from jaxcnn.images.mask import read_mask as read_mask
from jaxcnn.images.overlay import overlay as overlay
from jaxcnn.images.read import Header as Header
from jaxcnn.images.read import header as header
from jaxcnn.images.read import read as read
from jaxcnn.images.resize import resize as resize
from jaxcnn.images.resize import to_channels as to_channels
from jaxcnn.images.scatter import scatter as scatter
from jaxcnn.images.signed import around_grey as around_grey
from jaxcnn.images.transform import ImageTransform as ImageTransform
