"""Faults of picture files: the reason in a few words why a file cannot be opened."""

from __future__ import annotations

from tuner.errors import first_line
from tuner.training.data.file_kinds import LFS, is_html, kind_of

#: Beginnings of files that Pillow should read, and the words for those that it does not.
_KINDS: tuple[tuple[bytes, str], ...] = (
    (b"II*\0", "is a TIFF that Pillow does not read: damaged, or of several channels of floats"),
    (b"MM\0*", "is a TIFF that Pillow does not read: damaged, or of several channels of floats"),
    (b"II+\0", "is a TIFF that Pillow does not read"),
    (b"\x89PNG", "is a damaged PNG"),
    (b"\xff\xd8\xff", "is a damaged JPEG"),
    (b"GIF8", "is a damaged GIF"),
)


class PictureFault(ValueError):
    """A picture cannot be opened, or holds values without a meaning.

    Attributes:
        reason: The end of a sentence that begins with the picture's path.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def fault(error: Exception, head: bytes | None) -> PictureFault:
    """Return the fault that an error of Pillow or of the operating system means.

    Args:
        error: The error.
        head: The first bytes of the file; None where it cannot be read at all.
    """
    if head is None:
        return PictureFault(_unreadable(error))
    if head == b"":
        return PictureFault("is empty")
    if type(error).__name__ == "DecompressionBombError":
        return PictureFault("has more pixels than Pillow opens; make it smaller")
    if isinstance(error, MemoryError):
        return PictureFault("does not fit into memory")
    if type(error).__name__ == "UnidentifiedImageError":
        return PictureFault(_kind(head))
    # Parts of the message may be an object's address, so only known sentences of Pillow are told apart.
    said = first_line(error).lower()
    if "truncated" in said or isinstance(error, EOFError):
        return PictureFault("is cut off: the end of the file is missing")
    if "ghostscript" in said:
        return PictureFault("needs Ghostscript to be opened; convert it to PNG")
    if "cannot find loader" in said:
        return PictureFault("is of a kind that Pillow recognises and cannot read")
    return PictureFault("is damaged")


def _unreadable(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "is not there"
    if isinstance(error, PermissionError):
        return "may not be read"
    if isinstance(error, IsADirectoryError):
        return "is a folder"
    return f"cannot be read: {getattr(error, 'strerror', None) or type(error).__name__}"


def _kind(head: bytes) -> str:
    if (kind := kind_of(head)) is not None:
        return f"is {kind.words}" if kind is LFS else f"is {kind.thing}, no picture"
    for beginning, words in _KINDS:
        if head.startswith(beginning):
            return words
    if not head.strip(b"\0"):
        return "begins with zeros alone: the file was not written completely"
    if head[4:8] == b"ftyp":
        heic = any(brand in head[8:32] for brand in (b"heic", b"heix", b"mif1", b"heif"))
        return f"is {'a HEIC picture' if heic else 'a film'}, which Pillow does not read; convert it to JPEG"
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if is_html(head):
        return "is an HTML page, no picture; a download may have failed"
    if b"<svg" in start and start.startswith(b"<"):
        return "is an SVG drawing, which Pillow does not read; convert it to PNG"
    if start.startswith((b"<", b"{", b"[")):
        return "is a text, no picture; a download may have failed"
    return "is no picture that Pillow reads"
