"""One home is found again however it is written."""

from datetime import datetime

import pytest

from lending.common.crypto import blind_index
from tests.factories.borrowers import borrower
from tests.factories.configuration import configure
from users.models import Profile
from users.rules.identity import address_key
from users.services import profiles

ONE_HOME = (
    ("ZJ", "杭州", "文昌路12号3A室"),
    ("ZJ", "杭州市", "文昌路 12 号，3a 室"),
    ("ZJ", " 杭州 ", "文昌路12号3A室"),
    ("ZJ", "杭州", "杭州市文昌路12号3A室"),
)


class TestAddressKey:
    def test_is_one_for_every_way_of_writing(self) -> None:
        assert len({address_key(*each) for each in ONE_HOME}) == 1

    @pytest.mark.parametrize(
        "elsewhere",
        [("ZJ", "宁波", "文昌路12号3A室"), ("JS", "杭州", "文昌路12号3A室"), ("ZJ", "杭州", "文昌路12号4A室")],
    )
    def test_is_another_for_another_home(self, elsewhere: tuple[str, str, str]) -> None:
        assert address_key(*elsewhere) != address_key(*ONE_HOME[0])

    @pytest.mark.parametrize("address", ["", "  ", "无", "12号", "----------"])
    def test_is_empty_where_nothing_is_said(self, address: str) -> None:
        assert address_key("ZJ", "杭州", address) == ""


class TestAddressIndex:
    def test_follows_the_address_and_goes_with_it(self, db: None, at: datetime) -> None:
        configure(at, ("lending", "users"))
        user_id = borrower(at, address=ONE_HOME[0][2])
        row = Profile.objects.get(user_id=user_id)
        assert row.address_index == blind_index(address_key(*ONE_HOME[0]), "address")
        for changed, kept in (({"city": "宁波"}, False), ({"city": "杭州市"}, True), ({"address": ""}, False)):
            profiles.save(user_id=user_id, by="system", at=at, **changed)
            assert (Profile.objects.get(user_id=user_id).address_index == row.address_index) is kept
