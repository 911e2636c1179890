"""matplotlib's SVG -> a small SVG that may stand inside an HTML page.

What changes: no ids but those that are referred to, and these made unique on the page; no style sheet, which would leak
into the page; style attributes become presentation attributes, which a Content-Security-Policy without
``unsafe-inline`` (ours, Jenkins') lets through; black becomes ``currentColor``, so that ink follows the page into dark
mode and print; a title and a description for who does not see the picture.
"""

import re
from xml.etree import ElementTree as ET

SVG = "{http://www.w3.org/2000/svg}"
HREF = "{http://www.w3.org/1999/xlink}href"
REFERENCE = re.compile(r"url\(#([^)]+)\)")
INK = "#000000"
FONT_SIZE = re.compile(r"(?:^|\s)(\d+(?:\.\d+)?)px\b")
DROPPED = frozenset({f"{SVG}metadata", f"{SVG}style"})


def inline(text: str, *, name: str, title: str, description: str) -> str:
    """Return the drawing as an ``<svg>`` element for an HTML page.

    Args:
        text: what matplotlib wrote.
        name: unique on the page; prefixes all ids.
        title: what the drawing is.
        description: what it shows, in words.
    """
    root = ET.fromstring(text)  # noqa: S314 -- matplotlib's own output, with every label escaped by it
    for parent in list(root.iter()):
        for child in [child for child in parent if child.tag in DROPPED]:
            parent.remove(child)
    referred = _referred(root)
    for element in root.iter():
        element.tag = element.tag.removeprefix(SVG)
        element.attrib = _attributes(element.attrib, name, referred)
        element.tail = None
    view_box = root.attrib["viewBox"]
    root.attrib = {
        "class": "chart", "viewBox": view_box, "role": "img", "fill": "currentColor",
        "aria-labelledby": f"{name}-title {name}-desc",
    }  # fmt: skip
    root.text = None
    _describe(root, name, title, description)
    return ET.tostring(root, encoding="unicode")


def _referred(root: ET.Element) -> set[str]:
    found: set[str] = set()
    for element in root.iter():
        for key, value in element.attrib.items():
            if key == HREF:
                found.add(value.removeprefix("#"))
            found.update(REFERENCE.findall(value))
    return found


def _attributes(old: dict[str, str], name: str, referred: set[str]) -> dict[str, str]:
    new: dict[str, str] = {}
    for key, value in old.items():
        if key == "id":
            if value in referred:
                new["id"] = f"{name}-{value}"
        elif key == "style":
            new.update(_presentation(value))
        elif key == HREF:
            new["href"] = f"#{name}-{value.removeprefix('#')}"
        else:
            new[key] = value
    return {
        key: REFERENCE.sub(rf"url(#{name}-\1)", "currentColor" if value == INK else value) for key, value in new.items()
    }


def _presentation(style: str) -> dict[str, str]:
    """Turn ``fill: none; stroke: #000000`` into attributes; of a font only its size is kept, the page has a face."""
    found: dict[str, str] = {}
    for declaration in style.split(";"):
        key, _, value = (part.strip() for part in declaration.partition(":"))
        if key == "font":
            size = FONT_SIZE.search(value)
            found["font-size"] = size.group(1) if size else "10"
        elif key:
            found[key] = value
    return found


def _describe(root: ET.Element, name: str, title: str, description: str) -> None:
    for place, (tag, words) in enumerate((("title", title), ("desc", description))):
        element = ET.Element(tag, {"id": f"{name}-{tag}"})
        element.text = words
        root.insert(place, element)
