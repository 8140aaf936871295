"""What borrowers read for a code: purposes, methods, states. English here, Chinese in the catalogue."""

from dataclasses import dataclass
from typing import Any

from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

Text = str | Promise


def is_chinese() -> bool:
    """Whether this reader reads Chinese."""
    return (translation.get_language() or "").startswith("zh")


PURPOSES: dict[str, Text] = {
    "consumer": _("Everyday spending"),
    "appliances": _("Household appliances"),
    "car_new": _("A new car"),
    "car_used": _("A used car"),
    "education": _("Education"),
    "electronics": _("Electronics"),
    "furniture": _("Furniture"),
    "medical": _("Medical care"),
    "renovation": _("Renovation"),
    "repairs": _("Repairs"),
    "training": _("Training"),
    "travel": _("Travel"),
    "business": _("My business"),
    "other": _("Something else"),
}
METHODS: dict[str, Text] = {
    "equal_instalment": _("The same amount every month"),
    "equal_principal": _("The same principal every month, less interest each time"),
    "interest_only": _("Interest every month, the principal at the end"),
}
EMPLOYMENT: dict[str, Text] = {
    "unemployed": _("Not employed"),
    "under_1y": _("Less than 1 year"),
    "1_4y": _("1 to 4 years"),
    "4_7y": _("4 to 7 years"),
    "over_7y": _("More than 7 years"),
}
RELATIONS: dict[str, Text] = {
    "spouse": _("Spouse"),
    "parent": _("Parent"),
    "child": _("Child"),
    "sibling": _("Brother or sister"),
    "friend": _("Friend"),
    "colleague": _("Colleague"),
}
HOUSING: dict[str, Text] = {"own": _("I own it"), "rent": _("I rent it"), "for free": _("I live there for free")}
SAVINGS: dict[str, Text] = {
    "none": _("None"),
    "under_100": _("Less than ¥10,000"),
    "100_500": _("¥10,000 to ¥50,000"),
    "500_1000": _("¥50,000 to ¥100,000"),
    "over_1000": _("More than ¥100,000"),
}
STEPS: dict[str, Text] = {
    "amount": _("Amount"),
    "identity": _("Identity"),
    "details": _("Home and work"),
    "contacts": _("Contacts"),
    "agreements": _("Agreements"),
}
CARD_STATES: dict[str, Text] = {
    "added": _("Being checked by the bank"),
    "checked": _("Waiting for your code"),
    "confirmed": pgettext_lazy("bank card", "Ready"),
    "refused": _("Refused by the bank"),
}
CERTIFICATES: dict[str, Text] = {
    "id_front": _("ID card, side with the portrait"),
    "id_back": _("ID card, side with the emblem"),
    "income_proof": _("Proof of income"),
    "employment_proof": _("Proof of work"),
    "address_proof": _("Proof of address"),
    "face_photo": _("Photo of yourself holding your ID card"),
}
CARD_READINGS: dict[str, Text] = {
    "pending": _("Your ID card is being read."),
    "passed": _("Your ID card has been read."),
    "dead": _("Nobody could read your ID card just now. Try again later."),
    "unreadable": _("Your ID card cannot be read. Take both photos again, of the card itself, in good light."),
    "mismatch": _("The card shows another name or number than you told us."),
    "expired": _("This ID card has run out. Add photos of the new one."),
}
FACE_REVIEWS: dict[str, Text] = {
    "waiting": _("A person will look at your pictures and tell you by message."),
    "passed": _("A person has seen that it is you."),
    "refused": _("A person could not see that it is you in the pictures. Add clearer ones, or call us."),
}
FACES: dict[str, Text] = {
    "pending": _("Your face is being compared."),
    "passed": _("It is you."),
    "dead": _("Nobody could compare your face just now. Try again later."),
    "not_live": _("Nobody was seen before the camera. Try once more, in good light."),
    "mismatch": _("The face is not that of the name and ID number you told us."),
    "no_record": _("There is no picture of you in the official records. Call us."),
}
OPERATOR: dict[str, Text] = {  # how an authorisation at the phone operator stands, or why it is over
    "started": _("Your phone operator is being asked."),
    "checking": _("Your phone operator is looking at the code."),
    "code_sent": _("Your phone operator has sent you a code. Type it here."),
    "redirected": _("Say yes on your phone operator’s page. This page goes on by itself once you have."),
    "authorised": _("Your phone operator may be asked."),
    "wrong_code": _("The code was wrong. Type the one of the latest message."),
    "wrong_codes": _("Too many wrong codes. You can begin again."),
    "refused": _("It was refused at your phone operator."),
    "not_possible": _("Your phone operator does not know this number as yours, or does not take part."),
    "no_answer": _("Your phone operator gave no answer. Try again later."),
    "not_finished": _("It was not finished in time. You can begin again."),
    "run_out": _("Your authorisation has run out. You can give it again."),
    "not_taken": _("Your phone operator does not take your authorisation any more. You can give it again."),
    "consent_withdrawn": _("It ended when you withdrew your consent."),
    "other_phone": _("It was for another number. You can give it for this one."),
}
RECIPIENTS: dict[str, Text] = {
    "platform": _("this platform"),
    "aml_vendor": _("the sanctions list service"),
    "sms_vendor": _("the text message gateway"),
    "identity_vendor": _("the identity check service"),
    "phone_vendor": _("the phone check service"),
    "card_vendor": _("the bank card check service"),
    "multi_lender_vendor": _("the multi-lender service"),
    "phone_list_vendor": _("the phone list service"),
    "blacklist_vendor": _("the defaulters list service"),
    "bureau": _("the credit bureau"),
    "device_vendor": _("the device service"),
    "operator_vendor": _("the phone operator report service"),
    "bankflow_vendor": _("the account information service"),
    "ocr_vendor": _("the document reading service"),
    "face_vendor": _("the face check service"),
    "payment_channel": _("the payment channel"),
}

ASKED_FOR: dict[str, Text] = {  # why data of a borrower was used
    "application": _("To decide on your application"),
    "drawdown": _("To check a drawdown"),
    "identity": _("To make sure that you are you"),
    "card": _("To make sure that the card is yours"),
    "loan": _("To find a lender"),
    "offer": _("To hand you on to a platform you chose"),
    "contact": _("To send you codes and news of your loan"),
}
USES: dict[str, Text] = {  # what came of it
    "answered": pgettext_lazy("use of data", "Answered"),
    "sent": pgettext_lazy("use of data", "Sent"),
    "reused": _("An earlier answer was used"),
    "dead": _("No answer"),
    "pending": _("Being asked"),
    "agreed": pgettext_lazy("use of data", "The lender said yes"),
    "refused": pgettext_lazy("use of data", "The lender said no"),
    "not_asked": _("Not asked: no consent of yours was live"),
    "counted": _("Counted when it came; the data itself was not kept"),
    "seen": _("Seen when you used the app or these pages"),
    "not_authorised": _("Not asked: your phone operator had no authorisation of yours"),
}


@dataclass(frozen=True, slots=True)
class State:
    """`tone`: wait (yours to act), move (ours), good, bad or rest. `who` acts next, `what` happens then."""

    title: Text
    what: Text = ""
    tone: str = "move"
    who: Text = ""


US, YOU, LENDER, BANK = _("We are acting"), _("You are next"), _("The lender is acting"), _("The bank is acting")

APPLICATION: dict[str, State] = {
    "DRAFT": State(_("Not sent yet"), _("Everything you entered is kept for 30 days."), "wait", YOU),
    "SUBMITTED": State(_("Application received"), _("We begin to check it at once."), "move", US),
    "ASSESSING": State(
        _("Being checked"), _("We ask the sources you allowed. This usually takes less than a minute."), "move", US
    ),
    "REFERRED": State(
        _("A person is looking at it"),
        _("Two of our people decide, usually within a few hours between 9:00 and 21:00, and never later than 7 days."),
        "move",
        US,
    ),
    "SUPPLEMENT": State(
        _("We need something from you"), _("The review goes on as soon as you have sent it."), "wait", YOU
    ),
    "GRANTED": State(_("Approved"), "", "good"),
    "DECLINED": State(_("Not approved"), "", "bad"),
    "WITHDRAWN": State(_("You cancelled the application"), _("You may apply again at any time."), "rest"),
    "EXPIRED": State(_("The application has expired"), _("You may apply again at any time."), "rest"),
}
GRANT: dict[str, State] = {
    "ACTIVE": State(_("Limit opened"), "", "good"),
    "FROZEN": State(_("Limit paused"), _("While something is overdue, no more can be drawn."), "wait"),
    "EXPIRED": State(_("The offer has run out"), _("You may apply again at any time."), "rest"),
    "CLOSED": State(_("Limit closed"), "", "rest"),
}
DRAWDOWN: dict[str, State] = {
    "REQUESTED": State(_("Request received"), _("We check that nothing has changed since the approval."), "move", US),
    "ROUTING": State(_("Finding a lender"), _("Only lenders that you named are asked, one at a time."), "move", US),
    "NO_FUNDER": State(
        _("No lender has money right now"),
        _("We ask again by ourselves, for up to 72 hours. You may cancel at any time; it costs nothing."),
        "wait",
        US,
    ),
    "FUNDER_PENDING": State(_("The lender is deciding"), _("Most answers come within a minute."), "move", LENDER),
    "SIGNING": State(
        _("Ready to sign"),
        _("The lender said yes. Read the cost and the contracts, then sign with one code."),
        "wait",
        YOU,
    ),
    "SIGNED": State(_("Signed"), _("The contracts are being sealed, then the money is sent."), "move", US),
    "DISBURSING": State(_("The money is on its way"), _("The bank usually books it within minutes."), "move", BANK),
    "CARD_FIX": State(
        _("Your bank returned the payment"),
        _("Choose another bank card within 72 hours. The loan stays as agreed; only the account changes."),
        "wait",
        YOU,
    ),
    "PAID": State(_("Paid out"), "", "good"),
    "RETURNED": State(
        _("The payout came back"),
        _("The loan is cancelled and you owe nothing. Your limit is free again."),
        "bad",
    ),
    "DECLINED": State(_("Not approved"), _("Your limit is not affected."), "bad"),
    "CANCELLED": State(_("You cancelled it"), _("Nothing is owed and your limit is free again."), "rest"),
    "EXPIRED": State(_("It has expired"), _("Nothing is owed and your limit is free again."), "rest"),
}
ALL_REFUSED = State(
    _("No lender took it"),
    _("Those that you named are not asked again. Cancel this request at no cost, and your limit is free again."),
    "bad",
    YOU,
)
LOAN: dict[str, State] = {
    "ACTIVE": State(_("Running"), "", "move"),
    "OVERDUE": State(
        _("Overdue"),
        _("Repay soon: after three days of grace, penalty interest runs on the overdue principal."),
        "bad",
        YOU,
    ),
    "SETTLED": State(_("Settled"), _("Nothing is owed any more."), "good"),
    "CANCELLED": State(_("Cancelled"), _("Nothing is owed."), "rest"),
    "COMPENSATED": State(
        _("Paid by the guarantor"), _("What is open is now owed to the guarantor; repay it here as before."), "bad", YOU
    ),
    "WRITTEN_OFF": State(_("Written off"), _("What is open is still owed and can be repaid here."), "bad", YOU),
}
OFFER: dict[str, State] = {  # of another platform
    "open": State(_("Yours to choose"), "", "wait", YOU),
    "asking": State(
        _("Being asked"), _("It is asked whether it takes you. Most answers come within a minute."), "move", US
    ),
    "accepted": State(_("It takes you"), _("What comes next is between you and the platform."), "good"),
    "paid": State(_("It paid you out"), _("This loan is between you and the platform; repay it there."), "good"),
    "refused": State(
        pgettext_lazy("another platform", "It said no"),
        _("It gives us no reason. This has no effect on your account here. You may choose another."),
        "rest",
    ),
    "returned": State(_("It came to nothing"), _("The loan there was cancelled. You may choose another."), "rest"),
    "closed": State(_("Not open any more"), _("Offers stand for seven days, and change with your situation."), "rest"),
}
ODDS: dict[str, Text] = {
    "likely": _("It is likely to say yes"),
    "even": _("It may say yes or no"),
    "unlikely": _("It is more likely to say no"),
}
STATES: dict[str, dict[str, State]] = {
    "application": APPLICATION,
    "grant": GRANT,
    "drawdown": DRAWDOWN,
    "loan": LOAN,
}


def state(subject: str, row: Any) -> State:
    """Of a view of lending's queries. No funder is for want of money, or all that were named have said no."""
    refused = row.status == "NO_FUNDER" and "M01" not in row.reasons
    return ALL_REFUSED if refused else STATES[subject][row.status]


# What comes after the present state where all goes well, for the grey end of a timeline.
AHEAD: dict[str, tuple[str, ...]] = {
    "SUBMITTED": ("ASSESSING", "GRANTED"),
    "ASSESSING": ("GRANTED",),
    "REFERRED": ("GRANTED",),
    "SUPPLEMENT": ("REFERRED", "GRANTED"),
    "REQUESTED": ("ROUTING", "SIGNING", "PAID"),
    "ROUTING": ("FUNDER_PENDING", "SIGNING", "PAID"),
    "FUNDER_PENDING": ("SIGNING", "PAID"),
    "NO_FUNDER": ("ROUTING", "SIGNING", "PAID"),
    "SIGNING": ("SIGNED", "PAID"),
    "SIGNED": ("DISBURSING", "PAID"),
    "DISBURSING": ("PAID",),
    "CARD_FIX": ("DISBURSING", "PAID"),
}
MOVING = frozenset(
    {"SUBMITTED", "ASSESSING", "REFERRED", "REQUESTED", "ROUTING", "FUNDER_PENDING", "SIGNED", "DISBURSING"}
)  # pages that keep looking
