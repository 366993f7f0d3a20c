# Images on the host: files to uint8 arrays, their size and their channels.
from jaxcnn.images.draw import colorize as colorize
from jaxcnn.images.draw import fit as fit
from jaxcnn.images.draw import grid as grid
from jaxcnn.images.draw import overlay as overlay
from jaxcnn.images.draw import sheet as sheet
from jaxcnn.images.error import ImageError as ImageError
from jaxcnn.images.read import Header as Header
from jaxcnn.images.read import header as header
from jaxcnn.images.read import read as read
from jaxcnn.images.resize import resize as resize
from jaxcnn.images.resize import to_channels as to_channels
from jaxcnn.images.transform import ImageTransform as ImageTransform
