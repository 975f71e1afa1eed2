"""Sessions of a library that is driven by python_host.mjs: importing one takes a second, so one process holds all of its sessions.

Each line on stdin asks for one thing, {"id", "session", "do", …}; each line on stdout says what the library returned, or raised.
"""

import json
import sys

import anyio


class Session:
    """One session: `opened(asked)` is its context; each further method is a thing to do."""

    def __init__(self):
        self.over = anyio.Event()
        self.ended = anyio.Event()

    async def live(self, asked, task_status):
        try:
            async with self.opened(asked):
                task_status.started()
                await self.over.wait()
        finally:
            self.ended.set()

    async def close(self, asked):
        self.over.set()
        await self.ended.wait()

    def raised(self, error):
        return {"message": repr(error)}


async def answer(session, asked, todo):
    try:
        reply = {"result": await todo(asked)}
    except Exception as error:  # of this session, the others go on
        reply = {"error": session.raised(error)}
    print(json.dumps({"id": asked["id"], **reply}), flush=True)


async def serve(new_session):
    sessions = {}
    async with anyio.create_task_group() as group:
        async for line in anyio.wrap_file(sys.stdin):
            asked = json.loads(line)
            session = sessions.setdefault(asked["session"], new_session())

            async def connect(asked, session=session):
                await group.start(session.live, asked)

            group.start_soon(answer, session, asked, connect if asked["do"] == "connect" else getattr(session, asked["do"]))
        for session in sessions.values():
            session.over.set()
