"""A server of 2026-07-28 on PyPI's `mcp`, because none of the published servers speaks that revision yet: modern_server.py DIRECTORY

Two tools, and one that answers with a task of the extension io.modelcontextprotocol/tasks: it ends when the file it waits for is there.
"""

import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Literal

from mcp.server.extension import Extension, MethodBinding
from mcp.server.mcpserver import MCPServer
from mcp_types import RequestParams, Result

directory = Path(sys.argv[1])


class Task(Result):
    result_type: Literal["task"] = "task"
    task_id: str
    status: str = "working"
    created_at: str
    last_updated_at: str
    ttl_ms: int | None = None
    poll_interval_ms: int = 50


class TaskNow(Task):
    result_type: Literal["complete"] = "complete"
    result: dict | None = None


class TaskParams(RequestParams):
    task_id: str


def now():
    return datetime.now(timezone.utc).isoformat()


class Tasks(Extension):
    identifier = "io.modelcontextprotocol/tasks"

    def methods(self):
        return [MethodBinding("tasks/get", TaskParams, self.get)]

    async def get(self, ctx, params):
        over = (directory / params.task_id).exists()
        report = {"content": [{"type": "text", "text": "reported"}], "isError": False}
        return TaskNow(task_id=params.task_id, created_at=now(), last_updated_at=now(), status="completed" if over else "working",
                       result=report if over else None)

    async def intercept_tool_call(self, params, ctx, call_next):
        if params.name != "report":
            return await call_next(ctx)
        return Task(task_id=params.arguments["until"], created_at=now(), last_updated_at=now())


server = MCPServer("modern", extensions=[Tasks()])


@server.tool()
def note(name: str) -> str:
    (directory / name).write_text(name)
    return f"noted {name}"


@server.tool()
def notes() -> str:
    return " ".join(sorted(path.name for path in directory.iterdir()))


@server.tool(structured_output=False)
def report(until: str) -> str:
    raise NotImplementedError("the extension answers")


server.run("stdio")
