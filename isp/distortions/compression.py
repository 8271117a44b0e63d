"""COMPRESSION: what the encoder loses; its bytes are the rendering.

JPEG by libjpeg-turbo (OpenCV). WebP and JPEG 2000 are options of the distortion: the contract ships
jpg and png, so their decoded pixels ship as PNG, with the codec in the parameters.
"""

import cv2
import numpy as np

from isp.distortions.distortion import Distortion, Option, Sweep
from manifests.images import SUBSAMPLINGS, EncodedImage, decode_image, encode, jpeg, png

CODECS = ("jpeg", "webp", "jpeg2000")


def compress(
    picture: np.ndarray, quality: float, codec: str = "jpeg", subsampling: str = "420"
) -> EncodedImage:
    """Compress `picture` (uint8 (H, W, 3) RGB, sRGB-encoded).

    Args:
        picture: what to compress.
        quality: 1..100; JPEG's and WebP's own, for JPEG 2000 a tenth of it is percent of the size.
        codec: jpeg | webp | jpeg2000.
        subsampling: 444 | 422 | 420, for jpeg.
    """
    if codec == "jpeg":
        return jpeg(picture, round(quality), subsampling)
    extension, parameters = {
        "webp": (".webp", [cv2.IMWRITE_WEBP_QUALITY, round(quality)]),
        "jpeg2000": (".jp2", [cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, round(10 * quality)]),
    }[codec]
    return png(decode_image(encode(extension, picture, parameters), codec))


COMPRESSION = Distortion(
    name="compression",
    unit="quality",
    range=(1, 100),
    place="encoding",
    function=compress,
    sweeps=(Sweep(80, 5, (("codec", "jpeg"), ("subsampling", "420")), geometric=True),),
    options={
        "codec": Option("jpeg", choices=CODECS),
        "subsampling": Option("420", choices=SUBSAMPLINGS),
    },
    decimals=0,
)
