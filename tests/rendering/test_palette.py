"""The palette: colours and tables of pictures."""

from safegrid.rendering.devices import DEVICES
from safegrid.rendering.garden import GARDEN
from safegrid.rendering.items import ITEMS
from safegrid.rendering.palette import BLUE, GREEN, RETURN, VERMILION, Pictures, hex_code
from safegrid.rendering.terrain import TERRAIN


def test_functions_are_listed_under_their_names_or_others():
    pictures = Pictures()

    @pictures.add(BLUE)
    def lake(canvas, colour):
        """A picture."""

    pictures.add(GREEN, "meadow")(lake)
    assert pictures == {"lake": (lake, BLUE), "meadow": (lake, GREEN)}


def test_a_colour_has_the_code_of_svg():
    assert hex_code((0, 10, 255)) == "#000aff" and RETURN == VERMILION


def test_no_picture_has_the_name_of_another():
    tables = TERRAIN, ITEMS, DEVICES, GARDEN
    assert len(set().union(*tables)) == sum(map(len, tables))
