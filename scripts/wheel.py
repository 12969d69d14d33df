"""Hatchling's build hook: what a wheel holds beside the packages. In a checkout these files are read where they are."""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class WheelContents(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "standard":  # the other version is "editable"
            build_data["force_include"]["schema.sql"] = "app/schema.sql"
