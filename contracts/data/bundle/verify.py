"""Checks this bundle without us and without a network: Python 3.8 or later and the openssl command.

    python3 verify.py            says what holds, line by line; exits 0 where all of it does, else 1

What it proves: the manifest was signed with the key of `certificates.pem` and not changed since; every document is,
byte for byte, the one the manifest names; each sealed file begins with the very bytes that the borrower was shown; and
the borrower's one code covered exactly those documents. Whose key it is, the certificate says: compare its
fingerprint, printed below, with the one you know from elsewhere. Any PDF reader checks the seal in each file as well.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def set_sha256(documents: dict[str, str]) -> str:
    return sha256("".join(f"{kind}:{documents[kind]}\n" for kind in sorted(documents)).encode())


def openssl(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["openssl", *arguments], cwd=HERE, capture_output=True, text=True)


def check_manifest() -> Iterator[tuple[bool, str]]:
    """The signature over the manifest. The certificate's own end says nothing about a signature made before it."""
    told = openssl(
        *("cms", "-verify", "-binary", "-inform", "DER", "-in", "manifest.p7s", "-content", "manifest.json"),
        *("-CAfile", "certificates.pem", "-purpose", "any", "-no_check_time", "-out", "/dev/null"),
    )
    yield told.returncode == 0, "manifest.json is signed with the key of certificates.pem"
    print("    ", openssl("x509", "-in", "certificates.pem", "-noout", "-fingerprint", "-sha256").stdout.strip())
    print("    ", openssl("x509", "-in", "certificates.pem", "-noout", "-subject").stdout.strip())


def check_documents(manifest: Any) -> Iterator[tuple[bool, str]]:
    signatures = {one["id"]: one for one in manifest["signatures"]}
    for document in manifest["documents"]:
        name = document["file"]
        path = HERE / name
        if path.resolve().parent != HERE / "documents" or not path.is_file():
            yield False, f"{name} is there"
            continue
        data = path.read_bytes()
        yield sha256(data) == document["sha256"] and len(data) == document["bytes"], f"{name} is unchanged"
        shown = sha256(data[: document["shown_bytes"]])
        yield shown == document["shown_sha256"], f"{name} begins with what was shown"
        if document["signature"]:
            signed = signatures[document["signature"]]["documents"].get(document["kind"])
            yield shown == signed, f"{name} is what the borrower's code signed"


def check_signatures(manifest: Any) -> Iterator[tuple[bool, str]]:
    for one in manifest["signatures"]:
        yield set_sha256(one["documents"]) == one["set_sha256"], f"signature {one['id']} covers its documents"
        used = one["code"]["sent_at"] <= one["code"]["used_at"] <= one["code"]["expires_at"]
        yield used and one["code"]["used_at"] == one["signed_at"], "its code was used in its time"
    named = {document["file"] for document in manifest["documents"]}
    found = {f"documents/{path.name}" for path in (HERE / "documents").iterdir()}
    yield named == found, "there are no other documents"
    live = [each for each in manifest["documents"] if each["in_set"]]
    if manifest["set_sha256"]:
        hashes = {each["kind"]: each["sha256"] for each in live}
        yield set_sha256(hashes) == manifest["set_sha256"], "the set is the one that was paid out on"


def main() -> int:
    manifest = json.loads((HERE / "manifest.json").read_bytes())
    checks = [*check_manifest(), *check_documents(manifest), *check_signatures(manifest)]
    for holds, said in checks:
        print("ok  " if holds else "NOT ", said)
    return 0 if all(holds for holds, _ in checks) else 1


if __name__ == "__main__":
    sys.exit(main())
