"""Files and records: a fault is said in one line, in our words."""

import pydantic
import pytest

from safegrid.engine.files import Record, changed_line_ends, first_error, sha256


class Example(Record):
    """A record with a field of each kind."""

    whole: int = pydantic.Field(3, ge=1, le=9)
    number: float = pydantic.Field(1.0, gt=0)
    text: str = ""
    flag: bool = False
    listed: tuple[int, ...] = ()
    table: dict[str, int] = pydantic.Field(default_factory=dict)


FAULTS = [
    ({"whole": "x"}, "whole is 'x': give a whole number"),
    ({"whole": 1.5}, "whole is 1.5: give a whole number"),
    ({"whole": 0}, "whole is 0: choose 1 or more"),
    ({"whole": 10}, "whole is 10: choose 9 or less"),
    ({"number": "fast"}, "number is 'fast': give a number"),
    ({"number": 0}, "number is 0: choose more than 0"),
    ({"text": 3}, "text is 3: give text"),
    ({"text": [3]}, "text: give text"),
    ({"flag": "perhaps"}, "flag is 'perhaps': give true or false"),
    ({"listed": 3}, "listed is 3: give a list"),
    ({"listed": ["x"]}, "listed.0 is 'x': give a whole number"),
    ({"table": 3}, "table is 3: give a table"),
    ({"surplus": 1}, "surplus is unknown"),
]


@pytest.mark.parametrize(("content", "message"), FAULTS)
def test_the_first_fault_is_named_with_its_value_and_what_is_allowed(content, message):
    with pytest.raises(pydantic.ValidationError) as error:
        Example.model_validate(content)
    assert first_error(error.value) == message


def test_a_long_value_is_cut():
    with pytest.raises(pydantic.ValidationError) as error:
        Example.model_validate({"whole": "x" * 1000})
    assert len(first_error(error.value)) < 150


def test_changed_line_ends_are_recognised():
    digest = sha256(b"a\nb\n")
    assert "CRLF" in changed_line_ends(b"a\r\nb\r\n", digest)
    assert changed_line_ends(b"a\r\nc\r\n", digest) == ""
    assert changed_line_ends(b"a\nc\n", digest) == ""
