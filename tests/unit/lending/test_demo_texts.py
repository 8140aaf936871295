"""Which code is the one just asked for, however many texts a phone has received before."""

from lending.management.demo.texts import code_after, newest

MANY = [{"key": f"code-{number}", "text": f"{100000 + number} is your code"} for number in range(80, 0, -1)]


class TestCodeAfter:
    def test_finds_the_new_one_though_the_gateway_shows_only_so_many(self) -> None:
        shown = MANY[30:80]  # the newest 50 of before
        seen = newest(shown)
        assert code_after(shown, seen) is None
        assert code_after(MANY[29:79], seen) == "100051"

    def test_passes_over_texts_without_a_code(self) -> None:
        fresh = [{"key": "granted-1", "text": "You have been granted a limit"}, *MANY]
        assert code_after(fresh, "code-79") == "100080"
        assert newest([]) == ""
        assert code_after(MANY, "") == "100080"
