"""Hatchling's build hook: what a wheel holds beside the packages. In a checkout these files are read where they are."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PAGE = "app/web/dist"


class WheelContents(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version != "standard":  # but "editable"
            return
        if not Path(self.root, PAGE, "index.html").is_file():
            raise FileNotFoundError(f"{PAGE} has no page: run scripts/web before a wheel is built")
        build_data["force_include"]["schema.sql"] = "app/schema.sql"
        build_data["force_include"][PAGE] = PAGE
