# Images on the host: files to uint8 arrays, their size and their channels.
from jaxcnn.images.error import ImageError as ImageError
from jaxcnn.images.read import Header as Header
from jaxcnn.images.read import header as header
from jaxcnn.images.read import read as read
from jaxcnn.images.resize import resize as resize
from jaxcnn.images.resize import to_channels as to_channels
