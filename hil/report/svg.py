"""A standalone SVG made fit to stand in an HTML page, beside others.

Namespaces go (HTML has none), ids that nothing refers to go, the others get a name in front, since
a page has one set of ids; fixed colours become CSS variables, with the fixed one for a fallback.
"""

import re
from collections.abc import Mapping
from typing import Final
from xml.etree import ElementTree

NEEDLESS: Final = ("metadata", "style")
FORMAT_ATTRIBUTES: Final = ("width", "height", "version")
REFERENCE: Final = re.compile(r"#([\w-]+)")
COLOUR: Final = re.compile(r"#[0-9a-f]{6}\b")


def inline(svg: str, name: str, variables: Mapping[str, str]) -> str:
    """The `<svg>` element for a page; `variables` names a CSS variable for each fixed colour."""
    root = ElementTree.fromstring(svg)  # noqa: S314
    for element in root.iter():
        element.tag = _local(element.tag)
        element.attrib = {_local(key): text for key, text in element.attrib.items()}
    for parent in list(root.iter()):
        for child in [one for one in parent if one.tag in NEEDLESS]:
            parent.remove(child)
    for key in FORMAT_ATTRIBUTES:
        root.attrib.pop(key, None)
    root.set("role", "img")
    used = {id_ for element in root.iter() for id_ in _references(element)}
    for element in root.iter():
        _rename(element, name, used)
        _recolour(element, variables)
    return ElementTree.tostring(root, encoding="unicode")


def _local(qualified: str) -> str:
    return qualified.rpartition("}")[2]


def _references(element: ElementTree.Element) -> set[str]:
    named = (element.get("href", ""), element.get("clip-path", ""))
    return {id_ for text in named for id_ in REFERENCE.findall(text)}


def _rename(element: ElementTree.Element, name: str, used: set[str]) -> None:
    if element.get("id") in used:
        element.set("id", f"{name}-{element.get('id')}")
    else:
        element.attrib.pop("id", None)
    for key in ("href", "clip-path"):
        if key in element.attrib:
            element.set(key, REFERENCE.sub(rf"#{name}-\1", element.attrib[key]))


def _recolour(element: ElementTree.Element, variables: Mapping[str, str]) -> None:
    def variable(found: re.Match[str]) -> str:
        colour = found.group()
        return f"var(--{variables[colour]}, {colour})" if colour in variables else colour

    if "style" in element.attrib:
        element.set("style", COLOUR.sub(variable, element.attrib["style"]))
