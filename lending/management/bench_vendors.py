"""Run by path, for `bench_pulls`: six vendors on one port that answer protocol risk-v1 after so many milliseconds, and
the plain peer that asks them. Nothing of the platform is imported.

`serve` prints its port. `ask PORT APPLICATIONS AT_ONCE` prints seconds for all.
"""

import asyncio
import json
import sys
import time

LATENCY_MS = {"blacklist": 100, "aml": 140, "multi_lender": 180, "operator": 220, "bureau": 260, "bankflow": 300}
DATA = {
    "blacklist": {"listed": False},
    "aml": {"status": "clear"},
    "multi_lender": {"applications": {"days_30": 1}},
    "operator": {"places": {"work_months": 66, "home_months": 48}},
    "bureau": {
        "credit_history": "existing_paid",
        "open_credits": 1,
        "instalment_plans": "none",
        "overdue_now_cents": 0,
        "worst_days_late_24m": 0,
        "monthly_instalments_cents": 50_000,
    },
    "bankflow": {"net_income_cents": 1_200_000, "current_account": "high", "savings": "over_1000"},
}


class Desk(asyncio.Protocol):
    """POST /SOURCE with a JSON body that has `request_id`; keeps the connection open."""

    def __init__(self) -> None:
        self.waiting = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  what a server gives
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.waiting += data
        head, found, rest = self.waiting.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(rest) < length:
            return
        self.waiting = rest[length:]
        source = head.split(b" ", 2)[1].decode().strip("/")
        key = json.loads(rest[:length])["request_id"]
        answer = json.dumps({"request_id": key, "vendor_ref": "bench", "data": DATA[source]}).encode()
        reply = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(answer)
        asyncio.get_running_loop().call_later(LATENCY_MS[source] / 1000, self.transport.write, reply + answer)


async def serve() -> None:
    server = await asyncio.get_running_loop().create_server(Desk, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def ask(port: int, applications: int, at_once: int) -> float:
    """Plain asyncio: six calls side by side for each application, the answers parsed and thrown away."""
    import aiohttp

    places = asyncio.Semaphore(at_once)
    subject = {"name": "王建国", "id_number": "110105199006150012", "phone": "13900000001"}

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as client:

        async def call(source: str, key: str) -> None:
            body = {"request_id": f"{key}-{source}", "subject": subject}
            async with client.post(f"http://127.0.0.1:{port}/{source}", json=body) as answer:
                key = (await answer.json())["request_id"]
            if key != body["request_id"]:
                raise RuntimeError("an answer to another question")

        async def application(number: int) -> None:
            async with places:
                await asyncio.gather(*(call(source, f"peer-{number}") for source in LATENCY_MS))

        await asyncio.gather(*(application(-number) for number in range(1, at_once)))  # connections
        started = time.perf_counter()
        await asyncio.gather(*map(application, range(applications)))
        return time.perf_counter() - started


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        asyncio.run(serve())
    else:
        print(asyncio.run(ask(*map(int, sys.argv[2:]))))
