"""What the commands share: values of options, and output that is data."""

import io

import pytest
from rich.console import Console
from rich.table import Table

from safegrid.cli import console
from safegrid.cli.console import Output, pairs, progress_bar

VALUES = [
    ("true", True),
    ("True", True),
    ("False", False),
    ("None", None),
    ("null", None),
    ("3", 3),
    (".5", 0.5),
    ("1e-3", 0.001),
    ("1_000", 1000),
    ('["##", "A#"]', ["##", "A#"]),
    ('{"a": 1}', {"a": 1}),
    ("worst", "worst"),
    ("007", "007"),
    ("1-2", "1-2"),
    ("(1, 2)", "(1, 2)"),
    ("a=b", "a=b"),
    ("", ""),
    ("[" * 100_000, "[" * 100_000),
]


@pytest.mark.parametrize(("text", "value"), VALUES)
def test_a_value_is_json_or_python_s_or_text(text, value):
    (found,) = pairs([f"key={text}"]).values()
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize("name", ["sweep[lr=0.1]", "[/x]", "[bold]b", ":fire:"])
def test_data_is_printed_as_it_is(name):
    text = io.StringIO()
    stream = Console(file=text, width=80, **console.PLAIN)
    stream.print(f"wrote {name}/p", soft_wrap=True)
    table = Table(name, title=name)
    table.add_row(name)
    stream.print(table)
    assert text.getvalue().count(name) == 4
    bar = progress_bar()
    bar.add_task(f"suite {name}", total=1)
    stream.print(bar.get_renderable())
    assert f"suite {name}" in text.getvalue()


def test_output_goes_on_when_its_reader_has_stopped(tmp_path):
    class Broken(io.StringIO):
        broken = True

        def write(self, text):
            if self.broken:
                raise BrokenPipeError
            return super().write(text)

        def fileno(self):
            return file.fileno()

    with (tmp_path / "pipe").open("w") as file:
        stream = Broken()
        output = Output(stream)
        assert output.write("abc") == 3
        stream.broken = False
        assert output.write("de") == 2 and stream.getvalue() == "de"
        file.write("dropped")
    assert (tmp_path / "pipe").read_text() == ""


def test_output_of_a_closed_stream_is_dropped():
    assert Output(None).write("abc") == 3
