"""A host application around PyPI's `mcp`, driven by clients.mjs: importing the library takes a second, so one process holds all sessions.

Each line on stdin asks for one thing, {"id", "session", "do", …}; each line on stdout says what the library returned, or raised.
"""

import json
import sys
from typing import Literal

import anyio
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.extension import ClientExtension, ResultClaim
from mcp_types import CallToolResult, Request, RequestParams, Result


class Task(Result):
    result_type: Literal["task"] = "task"
    task_id: str
    status: str


class TaskNow(Result):
    status: str
    result: CallToolResult | None = None


class TaskParams(RequestParams):
    task_id: str


class GetTask(Request[TaskParams, Literal["tasks/get"]]):
    method: Literal["tasks/get"] = "tasks/get"
    name_param = "taskId"


class Tasks(ClientExtension):
    """What an application writes to have the tasks of 2026-07-28: the library leaves them to extensions."""

    identifier = "io.modelcontextprotocol/tasks"

    def claims(self):
        return [ResultClaim(result_type="task", model=Task, resolve=self.wait)]

    async def wait(self, task, context):
        while True:
            now = await context.session.send_request(GetTask(params=TaskParams(task_id=task.task_id)), TaskNow)
            if now.status == "completed":
                return now.result
            await anyio.sleep(0.05)


def plain(result):
    return result.model_dump(mode="json", by_alias=True, exclude_none=True)


class Session:
    def __init__(self):
        self.over = anyio.Event()
        self.ended = anyio.Event()
        self.client = None

    async def live(self, asked, task_status):
        [command, *args] = asked["command"]
        server = StdioServerParameters(command=command, args=args, env=asked["env"])
        try:
            async with Client(server, extensions=[Tasks()]) as self.client:
                task_status.started()
                await self.over.wait()
        finally:
            self.ended.set()

    async def call(self, asked):
        return plain(await self.client.call_tool(asked["name"], asked["arguments"]))

    async def tools(self, asked):
        return [tool.name for tool in (await self.client.list_tools(cache_mode="bypass")).tools]

    async def ping(self, asked):
        return plain(await self.client.send_ping())

    async def read_resource(self, asked):
        return plain(await self.client.read_resource(asked["uri"]))

    async def version(self, asked):
        return self.client.session.protocol_version

    async def close(self, asked):
        self.over.set()
        await self.ended.wait()


async def answer(session, asked, todo):
    try:
        reply = {"result": await todo(session, asked)}
    except MCPError as error:
        reply = {"error": {"message": error.message, "code": error.code, "data": error.data}}
    except Exception as error:  # of this session, the others go on
        reply = {"error": {"message": repr(error)}}
    print(json.dumps({"id": asked["id"], **reply}), flush=True)


async def main():
    sessions = {}
    async with anyio.create_task_group() as group:
        async def connect(session, asked):
            await group.start(session.live, asked)

        async for line in anyio.wrap_file(sys.stdin):
            asked = json.loads(line)
            session = sessions.setdefault(asked["session"], Session())
            todo = connect if asked["do"] == "connect" else getattr(Session, asked["do"])
            group.start_soon(answer, session, asked, todo)
        for session in sessions.values():
            session.over.set()


anyio.run(main)
