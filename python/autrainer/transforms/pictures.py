"""Spectrograms as pictures."""

from __future__ import annotations

import numpy as np
import torch

from autrainer.errors import ConfigError, did_you_mean
from autrainer.transforms.base import FeaturesTransform
from autrainer.transforms.checks import need_dims, positive_int


class SpectToImage(FeaturesTransform):
    """A spectrogram (1, T, F) or (T, F) as a picture in colours: (3, width, height), uint8.

    Values from the lowest to the highest become colours; the picture is flipped top to bottom and
    resized by Pillow (bicubic). As in autrainer 0.10, the axes of the result are swapped: width
    before height. Values that are all the same become the lowest colour.

    Args:
        height: Height of the picture in pixels.
        width: Width of the picture in pixels.
        cmap: A colour map of matplotlib.
        order: Position in the pipeline.

    Raises:
        ConfigError: for a size that is no positive integer, or a colour map that there is not.
    """

    def __init__(self, height: int, width: int, cmap: str = "magma", order: int = -90) -> None:
        super().__init__(order=order)
        from matplotlib import colormaps

        self.height = positive_int(self, "height", height)
        self.width = positive_int(self, "width", width)
        if cmap not in colormaps:
            raise ConfigError(
                f"SpectToImage: there is no colour map {cmap!r} in matplotlib. "
                f"{did_you_mean(cmap, list(colormaps))}"
            )
        self.cmap = cmap

    def change(self, features: torch.Tensor) -> torch.Tensor:
        """The picture."""
        from matplotlib import colormaps
        from PIL import Image

        values = features.detach().to("cpu")
        values = values.float() / 255 if values.dtype == torch.uint8 else values.float()
        squeezed = values.squeeze()
        need_dims(self, squeezed.shape, 2, "(1, frames, features)")
        colours = colormaps[self.cmap](_from_0_to_1(squeezed).numpy())[..., :3]
        picture = Image.fromarray((colours * 255).astype(np.uint8))
        picture = picture.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
        pixels_HWC = np.asarray(picture.resize((self.width, self.height)))
        return torch.from_numpy(np.ascontiguousarray(pixels_HWC.transpose(2, 1, 0)))


def _from_0_to_1(values: torch.Tensor) -> torch.Tensor:
    shifted = values - values.min()
    highest = shifted.max()
    return shifted / highest if highest > 0 else shifted
