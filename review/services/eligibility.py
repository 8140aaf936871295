"""Who may have which case, once, as SQL: the claim and the dispatch each add who is asked and what is taken."""

from typing import Any

from review.services import gate

# Reviewers with an active account in a group that reviews. Narrowed by what follows.
PEOPLE = """
SELECT r.user_id, r.level, r.skills, r.languages, r.on_duty_since,
       bool_or(g.name = ANY(%(final_groups)s)) AS finals
FROM review_reviewer r
JOIN users_user u ON u.id = r.user_id AND u.is_active
JOIN users_user_groups m ON m.user_id = u.id
JOIN auth_group g ON g.id = m.group_id AND g.name = ANY(%(groups)s)
WHERE r.active
"""

# What every claim and dispatch holds a reviewer to, by name; `queries.standing` has a sentence for each that fails.
# `me` is one of PEOPLE, `c` a case and `q` its queue.
CONDITIONS = {
    "stage": "(c.stage = 'initial' OR me.finals)",
    "skill": "q.skill = ANY(me.skills)",
    "member": """(NOT EXISTS (SELECT 1 FROM review_queuemember w WHERE w.queue_id = q.id)
         OR EXISTS (SELECT 1 FROM review_queuemember w WHERE w.queue_id = q.id AND w.reviewer_id = me.user_id))""",
    "level": "me.level >= c.level_needed",
    "language": "(c.language = '' OR c.language = ANY(me.languages))",
    "kept": "(c.held_for_id IS NULL OR c.held_for_id = me.user_id OR c.held_until <= %(at)s)",
    "did_initial": "(c.stage = 'initial' OR c.initial_reviewer_id IS DISTINCT FROM me.user_id)",
    "did_final": "(c.stage = 'final' OR c.final_reviewer_id IS DISTINCT FROM me.user_id)",
    "skipped": """NOT EXISTS (SELECT 1 FROM review_skip k
                    WHERE k.case_id = c.id AND k.reviewer_id = me.user_id AND k.until > %(at)s)""",
    "recused": """NOT EXISTS (SELECT 1 FROM review_recusal x
                    WHERE x.reviewer_id = me.user_id AND x.borrower_id = c.borrower_id)""",
    "edited": """NOT EXISTS (SELECT 1 FROM users_profile p
                    WHERE p.user_id = c.borrower_id AND p.updated_by = 'staff:' || me.user_id)""",
    "earlier_round": """NOT EXISTS (SELECT 1 FROM review_case e
                    WHERE e.application_id = c.application_id AND e.round < c.round
                      AND me.user_id IN (e.initial_reviewer_id, e.final_reviewer_id))""",
}
MAY_HAVE = "\n    AND ".join(["c.status IN ('WAITING_INITIAL', 'WAITING_FINAL')", *CONDITIONS.values()])

# What a claim keeps of the facts that made this case the next one; read by `queries.why_this_one`.
WHY = """
    jsonb_build_object('why', jsonb_build_object(
        'queue', q.code, 'skill', q.skill, 'level', me.level, 'level_needed', c.level_needed, 'language', c.language,
        'kept', c.held_for_id IS NOT NULL AND c.held_for_id = me.user_id AND c.held_until > %(at)s,
        'due_at', c.due_at, 'opened_at', c.opened_at, 'bonus', c.bonus, 'ageing_minutes', q.ageing_minutes))
"""


def groups() -> dict[str, Any]:
    """The values that PEOPLE needs."""
    return {"groups": list(gate.REVIEW_GROUPS), "final_groups": list(gate.FINAL_GROUPS)}
