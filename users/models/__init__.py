"""Who people are, what was proved about them, what they agreed to, and what was said to them."""

from users.models.access import AccessLog, ListEntry, ListKind, ListSource, ListSubject
from users.models.account import CodePurpose, LoginCode, Token, TokenKind, User, UserKind
from users.models.acts import Amendment, StaffAct
from users.models.cards import BankCard, CardState
from users.models.certificates import Certificate, CertificateKind, CertificateState
from users.models.checks import SOURCE_BOUNDS, AskedIn, Check, CheckKind, CheckState, DeadRule, Source
from users.models.collected import CollectedFeatures, CollectedKind, CollectionRule, CollectorNumber
from users.models.consents import AcceptedBy, Consent, Document, Moment
from users.models.drills import Drill, DrillMode
from users.models.erasure import Erasure
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
    "SOURCE_BOUNDS",
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
    "Level",
    "ListEntry",
    "ListKind",
    "ListSource",
    "ListSubject",
    "LoginCode",
    "Message",
    "MessageState",
    "Moment",
    "Notice",
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
