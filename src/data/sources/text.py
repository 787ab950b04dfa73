"""Text of a table: a file's bytes flow in, checked text and its separator flow out.

What is no such text (a web page, a workbook, half a file) is said here, before it is read as bars.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import lzma
import re
import zlib
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from ...errors import DataError

OPENERS: dict[str, Callable[[Path], Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}

KINDS = (
    (b"PAR1", "a Parquet file; read it with dataset=parquet"),
    (b"PK\x03\x04", "a zip archive or a workbook; save the sheet as CSV"),
    (b"\x1f\x8b", "compressed; give it a name that ends in .gz"),
)
"""How other files begin."""

SEPARATORS = (",", ";", "\t", "|")

# Some exports write their headers as <DATE>,<CLOSE>.
WEB = re.compile(r"\s*<(?:[!?]|html|head|body|[^,;\t|\r\n]*$)", re.IGNORECASE | re.MULTILINE)
DATE = re.compile(r"\d{1,4}([-/.])\d{1,2}\1\d{1,4}.*")
NUMBER = re.compile(r"[+-]?\d*\.?\d+(?:[eE][+-]?\d+)?")


def read_text(path: Path, encoding: str) -> str:
    """Return the text of a file, which may be compressed as its name says.

    Raises
    ------
    DataError
        It cannot be read, or is no text in this encoding.
    """
    try:
        data = _bytes(path)
    except (OSError, EOFError, zlib.error, lzma.LZMAError, BadZipFile) as error:
        raise not_csv(path, reason_of(error)) from None
    if not data.strip():
        raise DataError(f"{path.name} is empty")
    for start, kind in KINDS:
        if data.startswith(start):
            raise not_csv(path, f"it is {kind}")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) and not encoding.lower().startswith("utf-16"):
        raise not_csv(path, "it is UTF-16 text; set dataset.source.encoding=utf-16")
    try:
        text = data.decode("utf-8-sig" if encoding.lower() in ("utf-8", "utf8") else encoding)
    except LookupError:
        raise DataError(f"{path.name}: dataset.source.encoding={encoding} is unknown") from None
    except UnicodeDecodeError as error:
        raise not_csv(
            path,
            f"byte {error.start + 1} is no {encoding}; set dataset.source.encoding=latin-1 "
            "or what it is",
        ) from None
    if "\0" in text:
        raise not_csv(path, "it holds NUL bytes, as a file that was not written to its end does")
    if WEB.match(text):
        raise not_csv(path, "it is a web page or XML; download the file itself")
    if text.lstrip().startswith(("{", "[")):
        raise not_csv(path, "it is JSON; dataset=json_cache reads caches of series")
    return text


def split_header(
    text: str, separator: str | None, path: Path, *, named: bool
) -> tuple[str, list[str]]:
    """Return the separator and the first line's cells, after checking that every line has as many.

    Parameters
    ----------
    text : str
    separator : str, optional
        Default: the one of comma, semicolon, tab and bar that cuts the first line most often.
    path : Path
        For messages.
    named : bool
        Whether the first line must be a header.

    Raises
    ------
    DataError
        A line has another number of cells, a quote does not end, or there is no header.
    """
    first = re.split(r"[\r\n]", text.lstrip(), maxsplit=1)[0]
    header: list[str] = []
    line = 1
    try:
        cut = separator or max(SEPARATORS, key=lambda mark: len(_cells(first, mark)))
        reader = csv.reader(
            StringIO(text, newline=""), delimiter=cut, strict=True, skipinitialspace=True
        )
        for cells in reader:
            header, line = header or cells, reader.line_num
            if cells and len(cells) != len(header):
                raise not_csv(
                    path,
                    f"line {line} has {len(cells)} cells and the first {len(header)}; "
                    "the file is cut or a cell needs quotes",
                )
    except csv.Error as error:
        raise not_csv(path, f"after line {line}: {reason_of(error)}") from None
    cells = [cell.strip() for cell in header]
    if named and (all(map(NUMBER.fullmatch, cells)) or any(map(DATE.fullmatch, cells))):
        raise DataError(
            f"{path.name} has no header: its first line holds {', '.join(cells[:3])[:60]}; "
            "name its columns with 'dataset.source.header=[date, close]' or what they are"
        )
    return cut, cells


def not_csv(path: Path, reason: str) -> DataError:
    """Return the refusal of a file that does not read as CSV."""
    return DataError(f"{path.name} does not read as CSV: {reason}")


def _cells(line: str, separator: str) -> list[str]:
    return next(csv.reader([line], delimiter=separator, skipinitialspace=True), [])


def reason_of(error: Exception) -> str:
    """Return a library's reason on one line that a terminal can show."""
    said = getattr(error, "strerror", None) or (str(error).strip() or type(error).__name__)
    line = re.sub(r"^.*input source '.*?': ", "", said.splitlines()[0])[:200]
    return "".join(letter if letter.isprintable() else "?" for letter in line)


def _bytes(path: Path) -> bytes:
    suffix = path.suffix.lower()
    if suffix == ".zip":
        with ZipFile(path) as archive:
            files = [entry for entry in archive.infolist() if not entry.is_dir()]
            if len(files) != 1:
                raise not_csv(path, f"it is a zip archive of {len(files)} files; unpack it")
            return archive.read(files[0])
    if suffix in OPENERS:
        with OPENERS[suffix](path) as file:
            return bytes(file.read())
    return path.read_bytes()
