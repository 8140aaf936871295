"""What runs on a platform beside Postgres and Redis: the same programs on one machine (`run`) and in containers.

Each is what follows `python -m`; `%h` is the host's name, which is another one in every container.
"""

_CELERY = ("celery", "-A", "lending.celery")
_WORKER = (*_CELERY, "worker", "--without-gossip", "--without-mingle")
_GRANIAN = ("granian", "--interface", "wsgi", "lending.wsgi:application", "--workers", "1", "--blocking-threads", "16")

WORKER = (*_WORKER, "-Q", "celery", "-n", "worker@%h")
# Threads that wait for vendors, which all are on one event loop; each holds a connection of Postgres.
PULLS = (*_WORKER, "-Q", "pulls", "--concurrency", "64", "-n", "pulls@%h")
# Setting type holds a lock and a core: it must not sit on the threads that talk to vendors.
DOCUMENTS = (*_WORKER, "-Q", "documents", "--concurrency", "2", "-n", "documents@%h")
SCHEDULER = (*_CELERY, "beat", "-S", "lending.celery.LockedScheduler", "--pidfile", "")


def web(*, host: str, port: int) -> tuple[str, ...]:
    # A worker that waits for something that is gone is not waited for in turn: stopping always comes to an end.
    return (*_GRANIAN, "--workers-kill-timeout", "5", "--no-ws", "--host", host, "--port", str(port))
