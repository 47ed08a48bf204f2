"""The MQTT side as an AsyncAPI 3.0 document; its schemas describe every message in JSON."""

import json
from collections.abc import Iterable
from enum import IntEnum
from typing import Any, Final

from protocol.messages import (
    MESSAGES,
    PROTOCOL_VERSION,
    Ask,
    Body,
    Command,
    Notice,
    Part,
    Reply,
    header_type,
)
from protocol.plain import TYPE_NAMES
from protocol.schema import Shape, fields, parts, schema_hash, words
from protocol.topics import BRANCHES, DEFAULT_BRANCH, NAME, ROOT

DEVICE: Final = {"description": "the pump's id"}
CLIENT: Final = {"description": "a name the client picks for itself"}


def asyncapi_document() -> str:
    """The document as JSON."""
    return json.dumps(_document(), indent=1, ensure_ascii=False) + "\n"


def _document() -> dict[str, Any]:
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "The pump link over MQTT",
            "version": f"{PROTOCOL_VERSION}.0.0",
            "description": (
                "Seen from the pump. Rules of sessions and the byte stream: docs/protocol.md. "
                f"Names of devices and clients match {NAME.pattern}. "
                f"Schema hash {schema_hash():#010x}."
            ),
        },
        "defaultContentType": "application/json",
        "channels": _channels(),
        "operations": _operations(),
        "components": {
            "messages": {TYPE_NAMES[message]: _message(message) for message in MESSAGES},
            "schemas": schemas(),
        },
    }


def _channels() -> dict[str, Any]:
    requests = [message for message in MESSAGES if issubclass(message, Ask | Command)]
    replies = [message for message in MESSAGES if issubclass(message, Reply)]
    channels = {
        "request": _channel("request/{client}", requests),
        "reply": _channel("reply/{client}", replies),
    }
    for branch in dict.fromkeys((*BRANCHES.values(), DEFAULT_BRANCH)):
        notices = [
            message
            for message in MESSAGES
            if issubclass(message, Notice) and BRANCHES.get(message, DEFAULT_BRANCH) == branch
        ]
        channels[branch] = _channel(branch, notices)
    return channels


def _channel(branch: str, messages: Iterable[type[Body]]) -> dict[str, Any]:
    parameters = {"device": DEVICE, **({"client": CLIENT} if "{client}" in branch else {})}
    names = [TYPE_NAMES[message] for message in messages]
    return {
        "address": f"{ROOT}/{{device}}/{branch}",
        "parameters": parameters,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
    }


def _operations() -> dict[str, Any]:
    operations: dict[str, Any] = {
        "answer": {
            "action": "receive",
            "channel": {"$ref": "#/channels/request"},
            "reply": {"channel": {"$ref": "#/channels/reply"}},
        }
    }
    for branch in dict.fromkeys((*BRANCHES.values(), DEFAULT_BRANCH)):
        operations[f"tell_{branch}"] = {
            "action": "send",
            "channel": {"$ref": f"#/channels/{branch}"},
        }
    return operations


def _message(message: type[Body]) -> dict[str, Any]:
    name = TYPE_NAMES[message]
    return {
        "name": name,
        "summary": " ".join((message.__doc__ or "").split()),
        "payload": {"$ref": f"#/components/schemas/{name}"},
    }


# ---- JSON Schema


def schemas() -> dict[str, Any]:
    """A JSON Schema of every message, part and list of words, by name."""
    found: dict[str, Any] = {enum.__name__: _enumeration(enum) for enum in words()}
    found |= {part.__name__: _object(part) for part in parts()}
    return found | {TYPE_NAMES[message]: _flat(message) for message in MESSAGES}


def _flat(message: type[Body]) -> dict[str, Any]:
    """Type, header and body in one object."""
    schema = _object(header_type(message), message)
    properties = {"type": {"const": TYPE_NAMES[message]}, **schema["properties"]}
    return {**schema, "properties": properties, "required": ["type", *schema["required"]]}


def _object(*kinds: type[Part]) -> dict[str, Any]:
    declared = [field for part in kinds for field in fields(part)]
    return {
        "type": "object",
        "description": " ".join((kinds[-1].__doc__ or "").split()),
        "properties": {
            field.name: {"description": field.description, **_schema(field.shape)}
            for field in declared
        },
        "required": [field.name for field in declared if not field.shape.optional],
        "additionalProperties": False,
    }


def _schema(shape: Shape) -> dict[str, Any]:
    present = _present(shape)
    return {"oneOf": [present, {"type": "null"}]} if shape.optional else present


def _present(shape: Shape) -> dict[str, Any]:
    if shape.kind is int:
        return {"type": "integer", "minimum": shape.low, "maximum": shape.high}
    if shape.kind is bool:
        return {"type": "boolean"}
    if shape.kind is str:
        bounds = {"type": "string", "minLength": shape.low, "maxLength": shape.high}
        return bounds | ({"pattern": shape.pattern} if shape.pattern else {})
    if shape.item is not None:
        return {"type": "array", "maxItems": shape.high, "items": _schema(shape.item)}
    return {"$ref": f"#/components/schemas/{shape.kind.__name__}"}


def _enumeration(enum: type[IntEnum]) -> dict[str, Any]:
    return {
        "description": " ".join((enum.__doc__ or "").split()),
        "enum": [member.name.lower() for member in enum],
    }
