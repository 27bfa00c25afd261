"""AMF0, in which RTMP writes its commands (Adobe, "Action Message Format -- AMF 0", 2007)."""

import struct
from collections.abc import Iterable
from typing import TypeAlias

Value: TypeAlias = "float | bool | str | dict[str, Value] | list[Value] | None"

_NUMBER, _BOOLEAN, _STRING, _OBJECT, _NULL, _UNDEFINED = 0, 1, 2, 3, 5, 6
_ECMA_ARRAY, _END, _STRICT_ARRAY, _DATE, _LONG_STRING = 8, 9, 10, 11, 12
_MAX_DEPTH = 8
_MAX_ITEMS = 512


class AmfError(ValueError):
    """Bytes that are no AMF0, or more of it than a command needs."""


def encode(values: Iterable[Value]) -> bytes:
    """Values one after another; integers become numbers."""
    return b"".join(_encode(value) for value in values)


def _encode(value: Value) -> bytes:
    if value is None:
        return bytes((_NULL,))
    if isinstance(value, bool):
        return bytes((_BOOLEAN, value))
    if isinstance(value, int | float):
        return struct.pack(">Bd", _NUMBER, value)
    if isinstance(value, str):
        data = value.encode()
        if len(data) < 65536:
            return struct.pack(">BH", _STRING, len(data)) + data
        return struct.pack(">BI", _LONG_STRING, len(data)) + data
    if isinstance(value, list):
        return struct.pack(">BI", _STRICT_ARRAY, len(value)) + encode(value)
    fields = (struct.pack(">H", len(name.encode())) + name.encode() + _encode(value[name]) for name in value)
    return bytes((_OBJECT,)) + b"".join(fields) + b"\0\0" + bytes((_END,))


def decode(data: bytes) -> list[Value]:
    """All values in `data`; dates become numbers, undefined becomes None.

    Raises:
        AmfError: it is damaged, too deep, or has a type that commands do not use.
    """
    reader = _Reader(data)
    values: list[Value] = []
    try:
        while reader.position < len(data):
            values.append(reader.value(0))
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise AmfError("damaged AMF0") from error
    return values


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self.position = 0
        self._items = 0

    def value(self, depth: int) -> Value:
        self._items += 1
        if depth > _MAX_DEPTH or self._items > _MAX_ITEMS:
            raise AmfError("more AMF0 than a command needs")
        kind = self._data[self.position]
        self.position += 1
        if kind == _NUMBER:
            return float(self._unpack(">d"))
        if kind == _BOOLEAN:
            return bool(self._unpack(">B"))
        if kind == _STRING:
            return self._text(">H")
        if kind == _LONG_STRING:
            return self._text(">I")
        if kind in (_NULL, _UNDEFINED):
            return None
        if kind == _OBJECT:
            return self._fields(depth)
        if kind == _ECMA_ARRAY:
            self._unpack(">I")  # a hint that need not be true
            return self._fields(depth)
        if kind == _STRICT_ARRAY:
            return [self.value(depth + 1) for _ in range(self._unpack(">I"))]
        if kind == _DATE:
            time = float(self._unpack(">d"))
            self._unpack(">h")
            return time
        raise AmfError(f"AMF0 of type {kind}")

    def _fields(self, depth: int) -> dict[str, Value]:
        fields: dict[str, Value] = {}
        while True:
            name = self._text(">H")
            if not name and self._data[self.position] == _END:
                self.position += 1
                return fields
            fields[name] = self.value(depth + 1)

    def _text(self, length: str) -> str:
        size = self._unpack(length)
        text = self._data[self.position : self.position + size]
        if len(text) < size:
            raise AmfError("damaged AMF0")
        self.position += size
        return text.decode()

    def _unpack(self, form: str) -> int:
        (value,) = struct.unpack_from(form, self._data, self.position)
        self.position += struct.calcsize(form)
        return value  # type: ignore[no-any-return]
