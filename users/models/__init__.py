"""Who people are, what was proved about them, what they agreed to, and what was said to them."""

from users.models.access import AccessLog, ListEntry, ListKind, ListSource, ListSubject
from users.models.account import CodePurpose, LoginCode, Token, TokenKind, User, UserKind
from users.models.acts import Amendment, StaffAct
from users.models.cards import BankCard, CardState
from users.models.certificates import Certificate, CertificateKind, CertificateState
from users.models.checks import (
    SOURCE_BOUNDS,
    AskedIn,
    Check,
    CheckKind,
    CheckState,
    DeadRule,
    NeededAuthorisation,
    Source,
)
from users.models.collected import (
    CollectedFeatures,
    CollectedKind,
    CollectionRule,
    CollectorList,
    CollectorNumber,
)
from users.models.consents import AcceptedBy, Consent, Document, Moment
from users.models.drills import Drill, DrillMode
from users.models.erasure import Erasure
from users.models.faces import FaceReview, FaceReviewState
from users.models.operator import LIVE, UNDER_WAY, OperatorAuthorisation, OperatorEnd, OperatorState
from users.models.outbox import Message, MessageState, Notice, Severity
from users.models.person import (
    Contact,
    Device,
    Employment,
    Level,
    Profile,
    Province,
    Relation,
    Tag,
    TagKind,
    UserLevel,
    UserLevelChange,
)
from users.models.wechat import WechatApp, WechatIdentity, WechatTicket

__all__ = [
    "LIVE",
    "SOURCE_BOUNDS",
    "UNDER_WAY",
    "AcceptedBy",
    "AccessLog",
    "Amendment",
    "AskedIn",
    "BankCard",
    "CardState",
    "Certificate",
    "CertificateKind",
    "CertificateState",
    "Check",
    "CheckKind",
    "CheckState",
    "CodePurpose",
    "CollectedFeatures",
    "CollectedKind",
    "CollectionRule",
    "CollectorList",
    "CollectorNumber",
    "Consent",
    "Contact",
    "DeadRule",
    "Device",
    "Document",
    "Drill",
    "DrillMode",
    "Employment",
    "Erasure",
    "FaceReview",
    "FaceReviewState",
    "Level",
    "ListEntry",
    "ListKind",
    "ListSource",
    "ListSubject",
    "LoginCode",
    "Message",
    "MessageState",
    "Moment",
    "NeededAuthorisation",
    "Notice",
    "OperatorAuthorisation",
    "OperatorEnd",
    "OperatorState",
    "Profile",
    "Province",
    "Relation",
    "Severity",
    "Source",
    "StaffAct",
    "Tag",
    "TagKind",
    "Token",
    "TokenKind",
    "User",
    "UserKind",
    "UserLevel",
    "UserLevelChange",
    "WechatApp",
    "WechatIdentity",
    "WechatTicket",
]
