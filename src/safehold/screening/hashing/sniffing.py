"""What kind of media a file says it is, by its first bytes. For this room's child, where no decoder knows a file.

`sniff(head)` gives the kind and a plain name. It only words the reason why a file was not screened and chooses
which decoder is asked; whether a file is a picture is decided by the decoders themselves.
"""

HEAD = 4096  # bytes that are looked at

PICTURE, FILM, SOUND, OTHER = "picture", "film", "sound", "other"

_STARTS = (
    (b"\xff\xd8\xff", PICTURE, "JPEG"),
    (b"\x89PNG", PICTURE, "PNG"),
    (b"GIF8", PICTURE, "GIF"),
    (b"BM", PICTURE, "BMP"),
    (b"II*\x00", PICTURE, "TIFF"),
    (b"MM\x00*", PICTURE, "TIFF"),
    (b"II+\x00", PICTURE, "TIFF"),
    (b"MM\x00+", PICTURE, "TIFF"),
    (b"\x00\x00\x01\x00", PICTURE, "ICO"),
    (b"\xff\x0a", PICTURE, "JPEG XL"),
    (b"\x00\x00\x00\x0cJXL \r\n\x87\n", PICTURE, "JPEG XL"),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", PICTURE, "JPEG 2000"),
    (b"\xff\x4f\xff\x51", PICTURE, "JPEG 2000"),
    (b"8BPS", PICTURE, "PSD"),
    (b"\x76\x2f\x31\x01", PICTURE, "OpenEXR"),
    (b"qoif", PICTURE, "QOI"),
    (b"\xd7\xcd\xc6\x9a", PICTURE, "WMF"),
    (b"\x1aE\xdf\xa3", FILM, "Matroska or WebM"),
    (b"FLV\x01", FILM, "FLV"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", FILM, "ASF"),
    (b"\x00\x00\x01\xba", FILM, "MPEG"),
    (b"\x00\x00\x01\xb3", FILM, "MPEG"),
    (b".RMF", FILM, "RealMedia"),
    (b"OggS", FILM, "Ogg"),
    (b"ID3", SOUND, "MP3"),
    (b"fLaC", SOUND, "FLAC"),
)
_RIFF = {b"WEBP": (PICTURE, "WebP"), b"AVI ": (FILM, "AVI"), b"WAVE": (SOUND, "WAV")}
_HEIC = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
_BOXES = {b"moov", b"mdat", b"wide", b"pnot"}  # of QuickTime files that begin without `ftyp`


def sniff(head: bytes) -> tuple[str, str]:
    """The kind (PICTURE, FILM, SOUND or OTHER) and the name of what begins with these bytes."""
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12], (OTHER, "RIFF"))
    if head[4:8] == b"ftyp":
        return _by_brand(head)
    if head[4:8] in _BOXES:
        return FILM, "QuickTime"
    if len(head) > 376 and head[0] == head[188] == head[376] == 0x47:
        return FILM, "MPEG transport stream"
    for start, kind, name in _STARTS:
        if head.startswith(start):
            return kind, name
    if b"<svg" in head[:1024].lower():
        return PICTURE, "SVG"
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2:
        return SOUND, "MP3"
    return OTHER, ""


def _by_brand(head: bytes) -> tuple[str, str]:
    """The kinds that ISO base media files come in, by their major and compatible brands."""
    size = min(int.from_bytes(head[:4], "big"), len(head))
    brands = {head[8:12]} | {head[at : at + 4] for at in range(16, size - 3, 4)}
    if brands & {b"avif", b"avis"}:
        return PICTURE, "AVIF"
    if head[8:12] in _HEIC:
        return PICTURE, "HEIC"
    if head[8:12] in {b"M4A ", b"M4B "}:
        return SOUND, "MPEG-4 audio"
    return FILM, "MPEG-4 or QuickTime"
