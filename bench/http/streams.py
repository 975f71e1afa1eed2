"""Idle streams of news: each a GET that stays open, with one to the server behind. What they cost the gate."""

import asyncio
import multiprocessing
import resource
import time

import sides

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n: x\n\n\r\n"
ASK = b"GET /mcp/news HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\nMCP-Protocol-Version: 2025-11-25\r\n\r\n"
AT_ONCE = 64
WATCHED_S = 5


async def take(reader, writer):
    if not await reader.read(4096):  # somebody looked whether we are there
        return
    writer.write(HEAD)
    await reader.read()  # until they go


def serve(port):
    raise_limit()

    async def main():
        async with await asyncio.start_server(take, "127.0.0.1", port, backlog=4096) as server:
            await server.serve_forever()
    asyncio.run(main())


def listen(port, count, ready, done):
    raise_limit()

    async def main():
        streams, turn = [], asyncio.Semaphore(AT_ONCE)

        async def one():
            async with turn:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(ASK)
                head = await reader.read(4096)
                if not head.startswith(b"HTTP/1.1 200 "):
                    raise SystemExit(f"bench: a stream of news: {head.decode()}")
                streams.append(writer)
        await asyncio.gather(*(one() for _ in range(count)))
        ready.set()
        await asyncio.to_thread(done.wait)
    asyncio.run(main())


def raise_limit():
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


def measure(scratch, build, count, value):
    """Of as many as there may be: the gate needs two descriptors for each, keeps some back, and shares the rest among its loops, which get
    equal numbers by chance only."""
    count = min(count, int(raise_limit() * 0.45))
    port, ready, done = sides.free_port(), multiprocessing.Event(), multiprocessing.Event()
    server = multiprocessing.Process(target=serve, args=(port,), daemon=True)
    server.start()
    sides.until(lambda: sides.listens(port))
    gate = sides.notaus(scratch, build, "notaus-streams", f'news: {{ url: "http://127.0.0.1:{port}/mcp" }}')
    before = sides.resident_kib(gate.process.pid)
    client = multiprocessing.Process(target=listen, args=(gate.port, count, ready, done), daemon=True)
    client.start()
    sides.until(lambda: ready.is_set() or not client.is_alive())
    if not ready.is_set():
        raise SystemExit("bench: not all streams came to be")
    value("idle streams", "streams", count)
    value("an idle stream, VmRSS", "KiB", (sides.resident_kib(gate.process.pid) - before) / count)
    time.sleep(WATCHED_S)
    start, cpu = time.monotonic(), gate.cpu_ns()
    time.sleep(WATCHED_S)
    value("CPU of all idle streams", "ms/s", (gate.cpu_ns() - cpu) / 1e6 / (time.monotonic() - start))
    done.set()
    client.join()
    server.terminate()
    gate.end()
