"""Ask: a photograph is dropped, a region pointed at, and the network answers.

A few photographs stay open, the last ones asked about, each embedded once by the segmenter and once
by the network. Heavy work is one at a time.
"""

import secrets
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from annotation.web.app import read_json
from annotation.web.templates import Templates
from labelers.engine.mask_models import MaskModels, load_mask_models
from manifests.config import Config
from manifests.errors import SeagullError
from manifests.rle import Mask
from pipeline.intake.sources import RAW_SUFFIXES
from pipeline.pages.ask_picture import COLORS, answers_picture, encode_picture
from pipeline.pages.ask_regions import AskedRegion, ask_regions, in_background, open_network
from pipeline.pages.open_photo import Image, open_photo, read_photo
from pipeline.pages.prompted import PromptedImage
from pipeline.pages.scene_view import outline

HERE = Path(__file__).parent
PHOTOS = 4  # kept open
SHOWN = 2048  # pixels of the long edge of what the page shows
_MASKS = 64  # remembered of one photograph


class OpenedPhoto:
    """One photograph: its pixels, the masks asked for, the network's encoding of it."""

    def __init__(self, name: str, prompted: PromptedImage) -> None:
        self.name = name
        self.prompted = prompted
        self.encoded: Any = None
        self.masks: OrderedDict[str, Mask] = OrderedDict()
        self.answers: dict[str, AskedRegion] = {}

    @property
    def image(self) -> Image:
        """uint8 HxWx3 RGB."""
        return self.prompted.image

    def mask(self, asked: "Prompt") -> Mask:
        """The mask of a prompt, made once."""
        if asked.words not in self.masks:
            self.masks[asked.words] = asked.mask(self.prompted)
            if len(self.masks) > _MASKS:
                words, _ = self.masks.popitem(last=False)
                self.answers.pop(words, None)
        return self.masks[asked.words]

    def answer(self, asked: "Prompt", network: Any) -> AskedRegion:
        """The network's answer about a prompt's mask, asked once."""
        if asked.words not in self.answers:
            self.encoded = self.encoded or network.open(self.image)
            (region,) = ask_regions(self.encoded, [(asked.words, self.mask(asked))])
            self.answers[asked.words] = region
        return self.answers[asked.words]


class Prompt:
    """What the page points at: points, a box, or the number of a found object."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.add = [_numbers(p, 2) for p in _list(values.get("add", []))]
        self.remove = [_numbers(p, 2) for p in _list(values.get("remove", []))]
        self.box = _numbers(values["box"], 4) if values.get("box") is not None else None
        self.object = values.get("object")
        if not (self.add or self.box or isinstance(self.object, int)):
            raise HTTPException(400, "which region? add a point, a box or the number of an object")

    @property
    def words(self) -> str:
        """How it is told of, and what it is known by."""
        if isinstance(self.object, int):
            return f"object {self.object + 1}"
        if self.box:
            return "box {:g},{:g},{:g},{:g}".format(*self.box)
        taken = "".join(" without {:g},{:g}".format(*p) for p in self.remove)
        return "point " + " + ".join("{:g},{:g}".format(*p) for p in self.add) + taken

    def mask(self, prompted: PromptedImage) -> Mask:
        """The mask it means; SeagullError where there is none."""
        if isinstance(self.object, int):
            if not 0 <= self.object < len(prompted.objects):
                raise SeagullError(f"there is no object {self.object + 1} here")
            return prompted.objects[self.object].mask
        if self.box:
            return prompted.in_box((self.box[0], self.box[1], self.box[2], self.box[3]))
        return prompted.at_points([(x, y) for x, y in self.add], [(x, y) for x, y in self.remove])


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list) or len(value) > 50:
        raise HTTPException(400, "expected a list of at most 50 points [x, y]")
    return value


def _numbers(value: Any, count: int) -> tuple[float, ...]:
    right = isinstance(value, list) and len(value) == count
    if not right or not all(type(v) in (int, float) and abs(v) < 1e9 for v in value):
        raise HTTPException(400, f"expected {count} numbers, in pixels of the photograph")
    return tuple(float(v) for v in value)


class Ask:
    """The routes of one network and one segmenter, loaded while the server starts."""

    def __init__(self, model: Path | None, config: Config, nav: dict[str, str]) -> None:
        self.config = config
        self.nav = nav
        self.templates = Templates(HERE / "static")
        self.model = model
        device = config.work.device
        self.network: Future[Any] | None = model and in_background(open_network, model, device)  # type: ignore[assignment]
        self._models: MaskModels | None = None
        self._photos: OrderedDict[str, OpenedPhoto] = OrderedDict()
        self._one = threading.Lock()  # heavy work, and the photographs kept

    def routes(self) -> list[Route]:
        """For `make_app`."""
        photo = "/ask/api/photos/{photo}"
        return [
            Route("/ask", self._page),
            Route("/ask/api/photos", self._open, methods=["POST"]),
            Route(f"{photo}/picture.jpg", self._picture),
            Route(f"{photo}/objects", self._objects),
            Route(f"{photo}/mask", self._mask, methods=["POST"]),
            Route(f"{photo}/answer", self._answer, methods=["POST"]),
            Route(f"{photo}/figure.png", self._figure, methods=["POST"]),
        ]

    def _page(self, _: Request) -> Response:
        colors = ["#{:02x}{:02x}{:02x}".format(*c) for c in COLORS]
        return self.templates.page(
            "ask.html", nav=self.nav, model=str(self.model or ""), colors=" ".join(colors)
        )

    async def _open(self, request: Request) -> Response:
        name = request.query_params.get("name", "photograph")[:200]
        return JSONResponse(await run_in_threadpool(self._opened, name, await request.body()))

    def _opened(self, name: str, content: bytes) -> dict[str, Any]:
        with self._one:
            image = self._read(name, content)
            self._models = self._models or load_mask_models(
                self.config.masks, self.config.work.device
            )
            key = secrets.token_urlsafe(12)
            self._photos[key] = OpenedPhoto(
                name, PromptedImage(image, self._models, self.config.masks)
            )
            while len(self._photos) > PHOTOS:
                self._photos.popitem(last=False)
        return {"id": key, "name": name, "width": image.shape[1], "height": image.shape[0]}

    def _read(self, name: str, content: bytes) -> Image:
        suffix = Path(name).suffix.lower()
        if suffix not in RAW_SUFFIXES:
            return read_photo(content, name, self.config.render.max_megapixels)
        with tempfile.NamedTemporaryFile(suffix=suffix) as file:  # LibRaw reads files
            file.write(content)
            file.flush()
            try:
                return open_photo(Path(file.name), self.config)
            except SeagullError as error:
                raise SeagullError(str(error).replace(file.name, name)) from error

    def _photo(self, request: Request) -> OpenedPhoto:
        key = request.path_params["photo"]
        if key not in self._photos:
            raise HTTPException(404, "this photograph is no longer open; drop it again")
        self._photos.move_to_end(key)
        return self._photos[key]

    def _picture(self, request: Request) -> Response:
        image = self._photo(request).image
        scale = min(1.0, SHOWN / max(image.shape[:2]))
        size = round(image.shape[1] * scale), round(image.shape[0] * scale)
        shown = cv2.resize(image, size, interpolation=cv2.INTER_AREA) if scale < 1 else image
        return Response(
            encode_picture(np.asarray(shown, np.uint8), ".jpg"),
            media_type="image/jpeg",
            headers={"Cache-Control": "private, max-age=3600"},
        )

    def _objects(self, request: Request) -> Response:
        photo = self._photo(request)
        with self._one:
            found = photo.prompted.objects
        return JSONResponse(
            [{"class_name": one.class_name, "path": outline(one.mask)} for one in found]
        )

    async def _mask(self, request: Request) -> Response:
        photo, asked = self._photo(request), Prompt(await read_json(request))
        return JSONResponse(await run_in_threadpool(self._masked, photo, asked))

    def _masked(self, photo: OpenedPhoto, asked: Prompt) -> dict[str, Any]:
        with self._one:
            mask = photo.mask(asked)
        return {"asked": asked.words, "path": outline(mask), "share": float(mask.mean())}

    async def _answer(self, request: Request) -> Response:
        photo, asked = self._photo(request), Prompt(await read_json(request))
        return JSONResponse(await run_in_threadpool(self._answered, photo, asked))

    def _answered(self, photo: OpenedPhoto, asked: Prompt) -> dict[str, Any]:
        network = self._loaded()
        with self._one:
            return photo.answer(asked, network).to_dict()

    def _loaded(self) -> Any:
        if self.network is None:
            raise SeagullError(
                "no trained network here: run `seagull pretrain`, or start the page with --model"
            )
        return self.network.result()

    async def _figure(self, request: Request) -> Response:
        photo, values = self._photo(request), await read_json(request)
        asked = [Prompt(one) for one in _list(values.get("regions", [])) if isinstance(one, dict)]
        content = await run_in_threadpool(self._drawn, photo, asked)
        return Response(content, media_type="image/png")

    def _drawn(self, photo: OpenedPhoto, asked: list[Prompt]) -> bytes:
        network = self._loaded()
        with self._one:
            regions = [photo.answer(one, network) for one in asked]
            return encode_picture(answers_picture(photo.image, regions), ".png")
