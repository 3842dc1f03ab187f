"""What was logged, on disk."""

from autrainer.loggers.marks import Marks


def test_marks_survive_and_what_is_no_number_is_none(tmp_path):
    marks = Marks(tmp_path / "run" / "marks")
    assert marks.was_empty
    marks.add(3)
    marks.add(-1)
    with (tmp_path / "run" / "marks").open("ab") as file:
        file.write(b"--5 7x \xff " + b"9" * 5000 + b"\n")
    again = Marks(tmp_path / "run" / "marks")
    assert {number for number in range(-9, 10) if number in again} == {3, -1}
