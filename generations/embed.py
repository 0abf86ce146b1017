"""Write prompt and settings into a copy of an image, without touching its pixels.

PNG takes an iTXt chunk, JPEG and WebP an XMP packet. The stored original stays as it came.
"""

import json
import struct
import zlib
from collections.abc import Mapping
from xml.sax.saxutils import escape

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_XMP_MARKER = b"http://ns.adobe.com/xap/1.0/\x00"
_SEGMENT_BYTES_MAX = 65_533
_VP8X_XMP_FLAG = 0x04
_VP8X_ALPHA_FLAG = 0x10

Settings = Mapping[str, str | int]


def embed(image: bytes, *, content_type: str, prompt: str, settings: Settings) -> bytes:
    """The image with its story inside; unchanged when its kind has no place for one."""
    if content_type == "image/png" and image.startswith(_PNG_SIGNATURE):
        return _into_png(image, prompt, settings)
    if content_type == "image/jpeg" and image.startswith(b"\xff\xd8"):
        return _into_jpeg(image, _xmp(prompt, settings))
    if content_type == "image/webp" and image[8:12] == b"WEBP":
        return _into_webp(image, _xmp(prompt, settings))
    return image


def parameters_line(prompt: str, settings: Settings) -> str:
    """The one-line form that other tools read under the name `parameters`."""
    listed = ", ".join(f"{name}: {value}" for name, value in settings.items() if value != "")
    return f"{prompt}\n{listed}" if listed else prompt


def _into_png(image: bytes, prompt: str, settings: Settings) -> bytes:
    texts = {
        "parameters": parameters_line(prompt, settings),
        "imagestudio": json.dumps({"prompt": prompt, **settings}, ensure_ascii=False),
    }
    chunks = b"".join(_itxt(keyword, text) for keyword, text in texts.items())
    header_end = len(_PNG_SIGNATURE) + 12 + 13
    return image[:header_end] + chunks + image[header_end:]


def _itxt(keyword: str, text: str) -> bytes:
    payload = b"iTXt" + keyword.encode() + b"\x00\x00\x00\x00\x00" + text.encode()
    return struct.pack(">I", len(payload) - 4) + payload + struct.pack(">I", zlib.crc32(payload))


def _into_jpeg(image: bytes, xmp: bytes) -> bytes:
    segment = _XMP_MARKER + xmp
    if len(segment) > _SEGMENT_BYTES_MAX:
        return image
    app1 = b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment
    return image[:2] + app1 + image[2:]


def _into_webp(image: bytes, xmp: bytes) -> bytes:
    chunks = image[12:]
    if chunks[:4] == b"VP8X":
        flags = bytes([chunks[8] | _VP8X_XMP_FLAG])
        chunks = chunks[:8] + flags + chunks[9:]
    else:
        chunks = _vp8x(chunks) + chunks
    padding = b"\x00" * (len(xmp) % 2)
    body = b"WEBP" + chunks + b"XMP " + struct.pack("<I", len(xmp)) + xmp + padding
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _vp8x(chunks: bytes) -> bytes:
    """The extended header that a plain WebP lacks; its sizes are 24-bit, less one."""
    width, height, has_alpha = _webp_size(chunks)
    flags = _VP8X_XMP_FLAG | (_VP8X_ALPHA_FLAG if has_alpha else 0)
    sizes = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"VP8X" + struct.pack("<I", 10) + bytes([flags, 0, 0, 0]) + sizes


def _webp_size(chunks: bytes) -> tuple[int, int, bool]:
    """Width and height from the first frame's own header. (RFC 9649, 2.5 and 2.6)"""
    payload = chunks[8:]
    if chunks[:4] == b"VP8L":
        bits = int.from_bytes(payload[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, bool(bits >> 28 & 1)
    width, height = struct.unpack("<HH", payload[6:10])
    return width & 0x3FFF, height & 0x3FFF, False


def _xmp(prompt: str, settings: Settings) -> bytes:
    description = escape(parameters_line(prompt, settings))
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f'<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{description}</rdf:li></rdf:Alt>'
        "</dc:description></rdf:Description></rdf:RDF></x:xmpmeta>"
        '<?xpacket end="w"?>'
    ).encode()
