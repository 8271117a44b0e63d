"""A stand-in for SEEM's worker; what it does is told by the first pixel of the image."""

import base64
import json
import os
import sys
import time


def say(line: object) -> None:
    print(line if isinstance(line, str) else json.dumps(line), flush=True)


def answer(request: dict) -> dict:
    box = [1, 2, request["width"], request["height"] - 1]
    objects = [
        {"box": [0, 0, 5, 5], "class_name": "cup", "score": 0.25},
        {"box": box, "class_name": "cat", "score": 0.75},
    ]
    return {"id": request["id"], "objects": objects}


def behave(how: int, request: dict) -> None:
    if how == 1:
        print("out of memory", file=sys.stderr, flush=True)
        os._exit(9)
    if how == 2:
        time.sleep(60)
    if how == 3:
        for line in ("Loading ...", "[1, 2]", "{broken", '"text"', "{}", "\x00\xff"):
            say(line)
    if how == 4:
        for earlier in (request["id"] - 1, request["id"] + 5):
            say({"id": earlier, "objects": []})
    if how == 5:
        say({"id": request["id"], "error": "CUDA is\nsad"})
    elif how == 6:
        say({"id": request["id"], "objects": [{"box": [5, 5, 1, "x"]}]})
    else:
        say(answer(request))


if __name__ == "__main__":
    start = sys.argv[1] if len(sys.argv) > 1 else ""
    if start == "error":
        say({"error": "45.5% of the keys match: another model's checkpoint"})
        sys.exit(1)
    if start == "dies":
        sys.exit("ModuleNotFoundError: No module named 'detectron2'")
    if start == "hangs":
        time.sleep(60)
    say("banner")
    say({"ready": f"stand-in {os.getpid()}"})
    for text in sys.stdin:
        asked = json.loads(text)
        behave(base64.b64decode(asked["rgb"])[0], asked)
