"""The compiled form of the engine is used where it is of these very sources, and nowhere else."""

import json
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

from protocol.loading import compiled_form
from protocol.loading.compiled_form import LIST, Compiled, choose, reason_for_python, sum_of

SUFFIX = EXTENSION_SUFFIXES[0]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with a package of one module, `packets`."""
    source = tmp_path / "engine" / "packets.py"
    source.parent.mkdir()
    source.write_text("KIND = 4\n")
    return tmp_path


def compiled(root: Path, suffix: str = SUFFIX) -> Path:
    """A folder that claims to hold that module compiled."""
    folder = root / "_compiled"
    folder.mkdir()
    sources = {"engine.packets": sum_of(root / "engine" / "packets.py")}
    (folder / LIST).write_text(json.dumps({"suffix": suffix, "sources": sources}))
    return folder


def test_modules_of_these_sources_are_used(root: Path) -> None:
    assert reason_for_python(compiled(root), root) is None


def test_without_compiled_modules_it_is_python(root: Path) -> None:
    assert reason_for_python(root / "_compiled", root) == "it was not compiled"


def test_modules_of_another_interpreter_are_not_used(root: Path) -> None:
    reason = reason_for_python(compiled(root, ".cpython-27-vax.so"), root)
    assert reason == "it was compiled for another interpreter (.cpython-27-vax.so)"


def test_a_source_that_was_changed_means_python(root: Path) -> None:
    folder = compiled(root)
    (root / "engine" / "packets.py").write_text("KIND = 5\n")
    assert reason_for_python(folder, root) == "engine.packets was changed after it was compiled"


def test_a_source_that_is_gone_means_python(root: Path) -> None:
    folder = compiled(root)
    (root / "engine" / "packets.py").unlink()
    assert reason_for_python(folder, root) == "engine.packets was changed after it was compiled"


def test_chosen_modules_are_found_before_their_sources(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Path(compiled_form.__file__)
    listed = {"suffix": SUFFIX, "sources": {compiled_form.__name__: sum_of(source)}}
    (tmp_path / LIST).write_text(json.dumps(listed))
    (tmp_path / f"engine.packets{SUFFIX}").touch()
    monkeypatch.setattr(sys, "meta_path", sys.meta_path[:])
    assert choose(tmp_path, "") is None
    spec = sys.meta_path[0].find_spec("engine.packets", None)
    assert spec is not None
    assert spec.origin == str(tmp_path / f"engine.packets{SUFFIX}")


def test_it_can_be_switched_off(root: Path) -> None:
    assert choose(compiled(root), "0") == "PARLEY_COMPILED=0"


def test_who_demands_it_is_told_why_it_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(ImportError, match=r"PARLEY_COMPILED=1, but .* cannot run: it was not compiled"):
        choose(tmp_path, "1")


def test_only_the_compiled_modules_are_found(tmp_path: Path) -> None:
    finder = Compiled({"engine.packets": tmp_path / f"engine.packets{SUFFIX}"})
    spec = finder.find_spec("engine.packets", None)
    assert spec is not None
    assert spec.origin == str(tmp_path / f"engine.packets{SUFFIX}")
    assert finder.find_spec("engine.session", None) is None


def test_the_form_that_runs_is_told() -> None:
    from protocol.engineio import packets

    runs_compiled = any(isinstance(finder, Compiled) for finder in sys.meta_path)
    assert (compiled_form.FORM == "compiled") == runs_compiled
    assert (type(packets.decode_packet).__name__ == "builtin_function_or_method") == runs_compiled
