"""What is true of every operation of the API, said once in its document: the errors that do not depend on the view."""

from typing import Any

METHODS = ("get", "post", "put", "patch", "delete")
PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
EVERYWHERE = {"429": "Too many requests; see Retry-After"}
SIGNED_IN = {"401": "No valid token"}
WITH_BODY = {
    "400": "The body could not be read",
    "413": "The body is too large",
    "415": "Unsupported media type",
    "422": "Not valid",
}


def borrowers_only(endpoints: list[tuple[str, str, str, Any]], **_: Any) -> list[tuple[str, str, str, Any]]:
    """A pre-processing hook: what partners call has a document of its own."""
    return [endpoint for endpoint in endpoints if not endpoint[0].startswith("/partner/")]


def add_common_problems(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """A post-processing hook of drf-spectacular."""
    for path in result["paths"].values():
        for operation in (path[method] for method in METHODS if method in path):
            common = EVERYWHERE | (SIGNED_IN if operation.get("security") else {})
            common |= WITH_BODY if "requestBody" in operation else {}
            responses = operation["responses"]
            for status in sorted(common.keys() - responses.keys()):
                responses[status] = {"content": PROBLEM, "description": common[status]}
    return result
