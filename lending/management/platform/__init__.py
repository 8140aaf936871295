"""The processes of one machine: embedded Postgres and Valkey, sandbox, web, worker, scheduler.

Uses neither Django nor the domain, so it starts in a fraction of a second and can bring up what Django needs.
"""
