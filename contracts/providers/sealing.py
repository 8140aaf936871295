"""The platform's electronic seal: a PAdES B-B signature by pyHanko with an EC P-256 key loaded once per process.

Key and certificate are PEM texts, or `file:` and a path (SEAL_KEY_PEM, SEAL_CERT_PEM). Where settings allow
SEAL_SELF_SIGNED, files that are not there are made once. A seal is an incremental update: the bytes that were signed
by the borrower stay the beginning of the sealed file, so both hashes can be taken from it.
"""

import asyncio
import io
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.conf import settings
from pyhanko.keys import load_certs_from_pemder_data, load_private_key_from_pemder_data
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign import fields, signers
from pyhanko.sign.signers.pdf_cms import PdfCMSSignedAttributes
from pyhanko.sign.validation import SignatureCoverageLevel, validate_pdf_signature
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.registry import SimpleCertificateStore

from lending.common.errors import Unavailable

FIELD = "Seal"
RESERVED_BYTES = 8192  # for the CMS object, as hexadecimal digits; one certificate takes a quarter of it


class SealNotConfigured(Unavailable):
    code, title = "seal_not_configured", "There is no key to seal with"


@dataclass(frozen=True, slots=True)
class SealCheck:
    """`valid`: sealed with our key and not one byte changed or added since. `fault` says what is wrong otherwise."""

    valid: bool
    sealed_at: datetime | None = None
    signer: str = ""
    fault: str = ""


class _SignerAt(signers.PdfSigner):
    """pyHanko's signer with the instant given instead of read from the system clock."""

    def __init__(self, *args: Any, at: datetime, **kwargs: Any) -> None:
        self._at = at
        super().__init__(*args, **kwargs)

    def init_signing_session(self, *args: Any, **kwargs: Any) -> Any:
        session = super().init_signing_session(*args, **kwargs)
        session.system_time = self._at
        return session


def _pem(value: str) -> bytes:
    return Path(value.removeprefix("file:")).read_bytes() if value.startswith("file:") else value.encode()


@cache
def _signer() -> signers.SimpleSigner:
    """Raises SealNotConfigured."""
    if not settings.SEAL_KEY_PEM or not settings.SEAL_CERT_PEM:
        raise SealNotConfigured("Set SEAL_KEY_PEM and SEAL_CERT_PEM to PEM texts, or to file: and a path.")
    if settings.SEAL_SELF_SIGNED:
        write_self_signed(settings.SEAL_KEY_PEM, settings.SEAL_CERT_PEM)
    own, *chain = load_certs_from_pemder_data(_pem(settings.SEAL_CERT_PEM))
    key = load_private_key_from_pemder_data(_pem(settings.SEAL_KEY_PEM), passphrase=None)
    registry = SimpleCertificateStore()
    registry.register_multiple(chain)
    return signers.SimpleSigner(signing_cert=own, signing_key=key, cert_registry=registry)


def seal(pdf: bytes, *, reason: str, at: datetime) -> bytes:
    """The document with our seal over all of it, dated `at`."""
    meta = signers.PdfSignatureMetadata(
        field_name=FIELD, md_algorithm="sha256", subfilter=fields.SigSeedSubFilter.PADES, reason=reason
    )
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
    sealed: bytes = _SignerAt(meta, _signer(), at=at).sign_pdf(writer, bytes_reserved=RESERVED_BYTES).getvalue()
    return sealed


def sign_detached(data: bytes, *, at: datetime) -> bytes:
    """Our signature over any bytes, dated `at`: a detached CMS object, DER."""
    dated = PdfCMSSignedAttributes(signing_time=at)
    signing = _signer().async_sign_general_data(data, "sha256", signed_attr_settings=dated)
    signed: bytes = asyncio.run(signing).dump()
    return signed


def certificates() -> bytes:
    """What a seal is checked against, PEM: our certificate, and those that vouch for it."""
    _signer()  # makes them where that is allowed
    return _pem(settings.SEAL_CERT_PEM)


def check(pdf: bytes) -> SealCheck:
    """Never raises for what the file contains: a damaged file is an answer."""
    certificate = _signer().signing_cert
    try:
        found = PdfFileReader(io.BytesIO(pdf)).embedded_signatures
        if len(found) != 1:
            return SealCheck(False, fault="not_sealed" if not found else "more_than_one_seal")
        context = ValidationContext(trust_roots=[certificate], allow_fetching=False)
        status = validate_pdf_signature(found[0], context)
    except Exception as error:  # parsers of damaged files raise whatever they trip over
        return SealCheck(False, fault=f"unreadable: {type(error).__name__}")
    whole = status.coverage == SignatureCoverageLevel.ENTIRE_FILE
    valid = status.bottom_line and whole
    fault = "" if valid else "altered" if not (status.intact and whole) else "not_our_seal"
    return SealCheck(valid, status.signer_reported_dt, status.signing_cert.subject.human_friendly, fault)


def write_self_signed(key_value: str, certificate_value: str) -> None:
    """Make the key and a self-signed certificate where both are `file:` paths of one folder not there yet."""
    key_path, certificate_path = (Path(value.removeprefix("file:")) for value in (key_value, certificate_value))
    if key_path.exists() and certificate_path.exists():
        return
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Contract seal (self-signed, development)")])
    # Valid from well before any date a demo clock or a test may show, and long after.
    start = datetime(2020, 1, 1, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=365 * 30))
        .add_extension(x509.KeyUsage(True, True, *[False] * 7), critical=True)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    # One directory put in place at once: of two processes starting together, one pair wins whole.
    folder = key_path.parent
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(mkdtemp(prefix=f"{folder.name}.", dir=folder.parent))
    for path, text in ((key_path, secret), (certificate_path, certificate.public_bytes(pem))):
        (partial / path.name).touch(mode=0o600)
        (partial / path.name).write_bytes(text)
    try:
        partial.rename(folder)
    except OSError:  # the other was first
        shutil.rmtree(partial)
