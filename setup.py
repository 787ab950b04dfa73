"""Map the folders src/ and conf/ to the packages marketlab and marketlab.conf, at any depth."""

from pathlib import Path

from setuptools import setup


def packages(root: str, name: str) -> dict[str, str]:
    """Every folder below `root` that holds a module or a config, as package name to folder."""
    folders = {
        file.parent for pattern in ("*.py", "*.yaml") for file in Path(root).rglob(pattern)
    } | {Path(root)}
    return {
        ".".join((name, *folder.relative_to(root).parts)): folder.as_posix()
        for folder in folders
        if "__pycache__" not in folder.parts
    }


found = packages("src", "marketlab") | packages("conf", "marketlab.conf")
setup(
    packages=sorted(found),
    package_dir={"marketlab": "src", "marketlab.conf": "conf"},
    package_data={"": ["*.yaml", "*.html", "*.css", "py.typed"]},
)
