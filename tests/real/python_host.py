"""A host application around PyPI's `mcp`, driven by clients.mjs and frameworks.mjs."""

from contextlib import asynccontextmanager
from typing import Literal

import anyio
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.extension import ClientExtension, ResultClaim
from mcp_types import CallToolResult, Request, RequestParams, Result

import hosted


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


def server_of(asked):
    if "url" in asked:
        return asked["url"]
    [command, *args] = asked["command"]
    return StdioServerParameters(command=command, args=args, env=asked["env"])


class Session(hosted.Session):
    @asynccontextmanager
    async def opened(self, asked):
        async with Client(server_of(asked), extensions=[Tasks()]) as self.client:
            yield

    def raised(self, error):
        if isinstance(error, MCPError):
            return {"message": error.message, "code": error.code, "data": error.data}
        return super().raised(error)

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


anyio.run(hosted.serve, Session)
