import sys

from accounts.models import User, fold_email

KELVIN = "\N{KELVIN SIGN}"


def test_spellings_of_one_mailbox_are_one() -> None:
    spellings = {
        "KIM@EXAMPLE.COM",
        f"{KELVIN}im@example.com",
        " ｋim@example.com ",
        "kim@Example.com",
    }
    assert {fold_email(spelling) for spelling in spellings} == {"kim@example.com"}
    assert fold_email("ſam@example.com") == "sam@example.com"


def test_dotless_i_is_another_person() -> None:
    assert fold_email("mıke@example.com") != fold_email("mike@example.com")


def test_folding_again_changes_nothing_and_lower_case_finds_it() -> None:
    letters = (chr(n) for n in range(sys.maxunicode + 1) if not 0xD800 <= n < 0xE000)
    folded = [fold_email(f"a{letter}b") for letter in letters]
    assert [one for one in folded if fold_email(one) != one or one.lower() != one] == []


def test_a_person_is_stored_folded_whoever_stores_them(db: None) -> None:
    user = User.objects.create(email="KIM@Example.com")
    assert User.objects.get_by_natural_key("Kim@EXAMPLE.com") == user
    assert user.email == "kim@example.com"
