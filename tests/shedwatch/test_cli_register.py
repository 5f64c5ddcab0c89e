"""`shedwatch extinguishers` on the command line."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from shedwatch.cli import app

CONFIG = "sites: [{id: s, sheds: [{id: shed-1, name: {zh: 一号棚, en: Shed one}, extinguishers: [{id: ext-1}]}]}]\n"


def test_a_table_is_imported_and_listed(tmp_path: Path) -> None:
    """The whole register at once, the longest uninspected first."""
    config, table = tmp_path / "shedwatch.yaml", tmp_path / "register.csv"
    config.write_text(CONFIG, encoding="utf-8")
    table.write_text(
        "车棚,编号,检查日期,状态\n一号棚,ext-1,2026-10-01,\n一号棚,ext-2,2025-10-01,缺失\n", encoding="gb18030"
    )
    run = CliRunner().invoke(app, ["extinguishers", "import", str(table), "-c", str(config)])
    assert (run.exit_code, run.stdout) == (
        0,
        "2 extinguishers in the register; 1 missing or unusable, 0 without a date.\n",
    )
    lines = CliRunner().invoke(app, ["extinguishers", "list", "-c", str(config)]).stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["s/shed-1/ext-2", "s/shed-1/ext-1"]


def test_a_table_with_mistakes_is_refused_as_a_whole(tmp_path: Path) -> None:
    """With file, line, column and how to mend it; exit code 2."""
    config, table = tmp_path / "shedwatch.yaml", tmp_path / "register.csv"
    config.write_text(CONFIG, encoding="utf-8")
    table.write_text("shed,id\nshed-2,ext-1\n")
    run = CliRunner().invoke(app, ["extinguishers", "import", str(table), "-c", str(config)])
    assert run.exit_code == 2
    assert f"{table}: line 2, shed: there is no shed 'shed-2'" in run.stderr
    assert not (tmp_path / "data" / "extinguishers.json").exists()
