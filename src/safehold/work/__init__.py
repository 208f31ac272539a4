"""The seam to durable execution: an outbox, jobs by registered name, tasks for people.

Others may call `safehold.work.service`; only the worker process imports `safehold.work.engine`.
"""
