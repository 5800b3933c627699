from os import PathLike

from vnroute.image.overlay import OverlayHeader
from vnroute.matcher.image import RouteImage

class Overlay:
    path: str
    header: OverlayHeader
    image: RouteImage
    serial: int
    def __init__(self, path: str | PathLike[str], image: RouteImage) -> None: ...
    def __len__(self) -> int: ...
