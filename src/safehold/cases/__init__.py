"""The case: its subjects and items, the queue and the lease, assessment, decision, duties.

Others may import `safehold.cases.models` for reading, and call `safehold.cases.service`
(opening, queue, lease), `safehold.cases.decisions` (answers, decision, second person, override)
and `safehold.cases.duties`.
"""
