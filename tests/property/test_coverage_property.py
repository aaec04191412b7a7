"""What is read out of a function is exactly what it was made from; what was not made so is never taken for it."""

from __future__ import annotations

import string

from hypothesis import given, settings
from hypothesis import strategies as st

from tests import threadline_install
from threadline_ops.capture.names import Table
from threadline_ops.capture.policy import Shape
from threadline_ops.coverage import threadline
from threadline_ops.coverage.catalog import DeployedFunction
from threadline_ops.coverage.deployed import implied, origin
from threadline_ops.coverage.wanted import Definitions
from threadline_ops.sections import CaptureTable

COLUMNS = ("id", "email", "it's", "back\\slash'", 'a "b"', "ünï", "x,y", "array['z']", "{w}", "v_new := 1;", "C")
DEFINITIONS = Definitions("public")
HOST = Table("public", "people")

columns = st.lists(st.sampled_from(COLUMNS[1:]), unique=True, max_size=6)
placeholders = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=20)


@st.composite
def capture_settings(draw: st.DrawFn) -> CaptureTable:
    listed = draw(columns)
    cut = draw(st.integers(0, len(listed)))
    return CaptureTable(
        exclude=tuple(listed[:cut]),
        mask=tuple(listed[cut:]),
        mask_placeholder=draw(placeholders),
        store_changed_from=draw(st.booleans()),
        except_columns=tuple(draw(columns)),
        typed_pk=draw(st.booleans()),
        skip_noop=draw(st.booleans()),
    )


shapes = st.sampled_from(
    [
        Shape(HOST, COLUMNS, (("id",),)),
        Shape(HOST, COLUMNS, (("id", "C"),)),
        Shape(HOST, COLUMNS, (("it's",),)),
        Shape(HOST, COLUMNS, ()),
    ]
)


def deployed(body: str) -> DeployedFunction:
    return DeployedFunction(
        1, "public", "threadline_capture_changes_people", "", f"\n{body}\n", "plpgsql", "trigger", "v", True, (),
        "owner", True, False,
    )  # fmt: skip


@given(shapes, capture_settings(), capture_settings())
@settings(max_examples=150, deadline=None)
def test_a_function_of_ours_tells_what_it_was_made_from(shape: Shape, made: CaptureTable, wanted: CaptureTable):
    body = DEFINITIONS.function(shape, made).body
    there = origin(deployed(body), shape, wanted, implied(shape, wanted, DEFINITIONS), DEFINITIONS)
    assert there == implied(shape, made, DEFINITIONS)


@given(shapes, capture_settings(), st.data())
@settings(max_examples=150, deadline=None)
def test_any_other_body_is_not_taken_for_ours(shape: Shape, made: CaptureTable, data: st.DataObject):
    body = DEFINITIONS.function(shape, made).body
    place = data.draw(st.integers(0, len(body) - 1))
    changed = body[:place] + data.draw(st.sampled_from(string.ascii_letters + "'();, 0\n")) + body[place + 1 :]
    there = origin(deployed(changed), shape, made, implied(shape, made, DEFINITIONS), DEFINITIONS)
    if changed.strip() == body:
        return
    # A changed name of a column or placeholder is another function of ours, whose body is then exactly that.
    assert there is None or there != implied(shape, made, DEFINITIONS)


names = st.lists(st.sampled_from(["email", "it's", "x,y", "ünï", "to_jsonb(new)"]), unique=True, max_size=4)


@given(names, names, names, placeholders, st.booleans())
@settings(max_examples=100, deadline=None)
def test_a_function_of_threadline_tells_its_redaction(
    exclude: list[str], mask: list[str], unseen: list[str], placeholder: str, before: bool
):
    mask = [name for name in mask if name not in exclude]
    text = threadline_install.function(
        "f", exclude=exclude, mask=mask, except_columns=unseen, placeholder=placeholder, before_values=before
    )
    seen = threadline.recognise(text.as_string(None).split("$function$")[1], "public")
    assert seen is not None
    assert (seen.exclude, seen.mask, seen.before) == (frozenset(exclude), frozenset(mask), before)
    assert seen.placeholder == (placeholder if mask else None)
    assert seen.unseen == frozenset((*unseen, *exclude))


@given(st.text(alphabet=st.sampled_from(list("begin end if then else ;()'$:=->> declare into values")), max_size=200))
@settings(max_examples=200, deadline=None)
def test_no_text_makes_the_reader_fail(text: str):
    assert threadline.recognise(text, "public") is None


WORDS = ("begin", "end", "if", "then", "else", "elsif", ";", "(", ")", "insert into", "values", "declare", "case", ",")


@given(st.lists(st.sampled_from(WORDS), max_size=40), st.integers(0, 400))
@settings(max_examples=200, deadline=None)
def test_no_damaged_body_makes_the_reader_fail(words: list[str], place: int):
    body = threadline_install.function("f", mask=["email"]).as_string(None).split("$function$")[1]
    changed = body[:place] + " " + " ".join(words) + " " + body[place:]
    seen = threadline.recognise(changed, "public")
    assert seen is None or not words or set(words) <= {";", ","} or seen == threadline.recognise(body, "public")
