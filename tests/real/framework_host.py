"""Frameworks of PyPI that agents are written in, driven by frameworks.mjs: framework_host.py NAME"""

import sys
from contextlib import asynccontextmanager

import anyio

import hosted


class FastMcp(hosted.Session):
    @asynccontextmanager
    async def opened(self, asked):
        from fastmcp import Client

        async with Client(asked["url"]) as self.client:
            yield

    async def tools(self, asked):
        return [tool.name for tool in await self.client.list_tools()]

    async def told(self, asked):
        from fastmcp.exceptions import ToolError

        try:
            return (await self.client.call_tool(asked["tool"], {})).content[0].text
        except ToolError as error:
            return str(error)


class OpenAiAgents(hosted.Session):
    @asynccontextmanager
    async def opened(self, asked):
        from agents.mcp import MCPServerStreamableHttp

        async with MCPServerStreamableHttp({"url": asked["url"]}) as self.server:
            yield

    async def functions(self):
        from agents import Agent
        from agents.mcp import MCPUtil

        return {tool.name: tool for tool in await MCPUtil.get_function_tools(self.server, False, None, Agent(name="agent"))}

    async def tools(self, asked):
        return list(await self.functions())

    async def told(self, asked):
        from agents.tool_context import ToolContext

        tool = (await self.functions())[asked["tool"]]
        context = ToolContext(None, tool_name=tool.name, tool_call_id="1", tool_arguments="{}")
        return (await tool.on_invoke_tool(context, "{}"))["text"]


class LangChain(hosted.Session):
    """Has no session: each call begins one of its own."""

    @asynccontextmanager
    async def opened(self, asked):
        from langchain_mcp_adapters.client import MultiServerMCPClient

        self.client = MultiServerMCPClient({"it": {"transport": "streamable_http", "url": asked["url"]}})
        yield

    async def functions(self):
        return {tool.name: tool for tool in await self.client.get_tools()}

    async def tools(self, asked):
        return list(await self.functions())

    async def told(self, asked):
        tool = (await self.functions())[asked["tool"]]
        message = await tool.ainvoke({"type": "tool_call", "id": "1", "name": tool.name, "args": {}})
        return message.content[0]["text"]


anyio.run(hosted.serve, {"fastmcp": FastMcp, "openai-agents": OpenAiAgents, "langchain": LangChain}[sys.argv[1]])
