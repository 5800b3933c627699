"""What docs/routing-data.md shows is what loads."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "routing-data.md"


def test_the_example_loads(desk) -> None:
    example = re.search(r"```yaml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert example is not None
    report = desk.load(("routing.yaml", example[1]))
    assert report.total.added == 5
    csv = "number,account,plan\n+18005550000,acme,acme-main\n"
    assert desk.load(("numbers.csv", csv), only="numbers").total.added == 1


def test_every_field_is_documented() -> None:
    from msgspec.structs import fields

    from vnroute.importing.routing_file import SECTIONS
    from vnroute.model import Gateway, OpenHours, Rule, ScreenRule, Step
    from vnroute.model.here import Here
    from vnroute.model.target import Target

    page = PAGE.read_text("utf-8")
    for kind in (*SECTIONS.values(), Gateway, OpenHours, Rule, ScreenRule, Step, Here, Target):
        for field in fields(kind):
            assert f"`{field.encode_name}`" in page or f"{field.encode_name}," in page
    for section in SECTIONS:
        assert f"### {section}\n" in page


def test_the_example_of_a_schedule_loads(desk) -> None:
    desk.file(
        "closures.ics",
        "\n".join(
            ["BEGIN:VCALENDAR", "BEGIN:VEVENT", "DTSTART:20261201", "END:VEVENT", "END:VCALENDAR"]
        ),
    )
    part = PAGE.read_text("utf-8").partition("### schedules\n")[2]
    example = re.search(r"```yaml\n(.*?)```", part, re.DOTALL)
    assert example is not None
    report = desk.load(("routing.yaml", example[1]))
    assert (report.total.added, report.warnings) == (1, [])
