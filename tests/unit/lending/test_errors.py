import pickle

import pytest

from lending.common import errors


class TestDomainError:
    def test_says_its_title_where_no_detail_is_given(self):
        error = errors.Conflict()
        assert (error.status, error.code, error.detail) == (409, "conflict", errors.Conflict.title)

    def test_carries_data_beside_the_detail(self):
        error = errors.Invalid("Two fields are wrong.", fields={"name": "empty"})
        assert (str(error), error.fields, error.data) == (
            "Two fields are wrong.",
            {"name": "empty"},
            {"fields": {"name": "empty"}},
        )

    @pytest.mark.parametrize(
        ("error", "status"),
        [
            (errors.Unauthenticated, 401),
            (errors.Forbidden, 403),
            (errors.NotFound, 404),
            (errors.Conflict, 409),
            (errors.Invalid, 422),
            (errors.TooManyRequests, 429),
            (errors.Unavailable, 503),
        ],
    )
    def test_has_one_http_status_each(self, error, status):
        assert error.status == status

    def test_tells_how_long_to_wait(self):
        assert errors.TooManyRequests(retry_after=7).retry_after == 7


class TestVendorError:
    def test_names_the_vendor_and_whether_to_try_again(self):
        error = errors.UnknownOutcome("no answer in 3 s", vendor="bank", code="timeout")
        assert (str(error), error.vendor, error.code) == ("bank: no answer in 3 s", "bank", "timeout")
        assert not isinstance(error, errors.TransientError | errors.PermanentError)


@pytest.mark.parametrize(
    "error", [errors.Conflict("busy", key="k"), errors.TransientError("down", vendor="v", code="c")]
)
def test_survives_pickling_between_processes(error):
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert vars(copy) == vars(error)
