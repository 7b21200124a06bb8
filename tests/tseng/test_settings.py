"""Settings: read once, loud when wrong, all documented."""

from pathlib import Path

import pytest

from tseng.settings import Settings, variables

PAGE = Path(__file__).resolve().parents[2] / "docs" / "settings.md"


def test_every_setting_is_documented_with_its_default() -> None:
    """The page has exactly one row for each setting, with its variable, default and text."""
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    assert rows == [f"| `{variable.name}` | `{default}` | {variable.doc} |" for _, variable, default in variables()]


def test_a_variable_that_does_not_parse_is_named() -> None:
    """The refusal says which variable and what stood there."""
    with pytest.raises(ValueError, match="TSENG_FLUSH_ROWS: 'many'"):
        Settings.read({"TSENG_FLUSH_ROWS": "many"})


@pytest.mark.parametrize("text", ["-1", "nan", "inf"])
def test_a_number_that_makes_no_sense_is_refused(text: str) -> None:
    """Negative and endless times are no settings."""
    with pytest.raises(ValueError, match=f"TSENG_FLUSH_SECONDS: '{text}'"):
        Settings.read({"TSENG_FLUSH_SECONDS": text})


def test_the_environment_wins_over_the_default() -> None:
    """A set variable is taken, an empty one is as if unset."""
    settings = Settings.read({"TSENG_DATA": "/srv/site", "TSENG_FLUSH_SECONDS": ""})
    assert settings == Settings(data=Path("/srv/site"))
