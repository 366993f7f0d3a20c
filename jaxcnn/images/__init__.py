# Images on the host: files to uint8 arrays, and their size.
from jaxcnn.images.error import ImageError as ImageError
from jaxcnn.images.resize import resize as resize
from jaxcnn.images.resize import to_channels as to_channels
