"""`cipherward studies`: the studies that come with the package."""

from __future__ import annotations

import typer


def studies(
    show: str = typer.Argument("", help="Print this built-in study's study.toml, to start your own from."),
    json: bool = typer.Option(False, "--json", help="Machine-readable output."),
) -> None:
    """List the built-in studies, one line each."""
    from importlib import resources

    from cipherward import study
    from cipherward.cli.terminal import print_json

    if show:
        study.load_builtin(show)
        typer.echo((resources.files("cipherward") / "studies" / f"{show}.toml").read_text(encoding="utf-8"), nl=False)
        return
    found = [study.load_builtin(name) for name in study.builtin_names()]
    if json:
        print_json(
            [{"name": s.name, "title": s.title, "n_hospitals": s.n_hospitals, "synthetic": s.synthetic} for s in found]
        )
        return
    width = max(len(each.name) for each in found)
    for each in found:
        kind = "synthetic data" if each.synthetic else "real data"
        typer.echo(f"{each.name:<{width}}  {each.n_hospitals} hospitals, {kind}: {each.title}")
