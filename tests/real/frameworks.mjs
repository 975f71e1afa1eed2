// The frameworks that agents are written in, each at the place where it runs a tool that a model asked for; no model is needed for that.
//   connect(url) → a session: tools(); told(tool), the words that the model is told, or, where a library has no model, its user; close().
//   `before`: what the framework itself puts before a tool's error.
import { createMCPClient } from "@ai-sdk/mcp";
import { AIMessage } from "@langchain/core/messages";
import { ToolNode } from "@langchain/langgraph/prebuilt";
import { MultiServerMCPClient } from "@langchain/mcp-adapters";
import { getAllMcpTools, MCPServerStreamableHttp, RunContext } from "@openai/agents";

import { PythonSession } from "./python_host.mjs";

const aiSdk = {
  name: "npm @ai-sdk/mcp",
  async connect(url) {
    const client = await createMCPClient({ transport: { type: "http", url } });
    const tools = await client.tools();
    return {
      tools: async () => Object.keys(await client.tools()),
      async told(tool) {
        const output = await tools[tool].execute({}, { toolCallId: "1", messages: [] });
        return (await tools[tool].toModelOutput({ output })).value[0].text;
      },
      close: () => client.close(),
    };
  },
};

const langchainJs = {
  name: "npm @langchain/mcp-adapters",
  before: (tool) => `Error: MCP tool '${tool}' on server 'it' returned an error: `,
  async connect(url) {
    const client = new MultiServerMCPClient({ mcpServers: { it: { transport: "http", url } } });
    const tools = await client.getTools();
    const node = new ToolNode(tools);
    return {
      tools: async () => tools.map(({ name }) => name),
      async told(name) {
        const asked = new AIMessage({ content: "", tool_calls: [{ name, args: {}, id: "1" }] });
        return (await node.invoke({ messages: [asked] })).messages[0].content;
      },
      close: () => client.close(),
    };
  },
};

const openaiJs = {
  name: "npm @openai/agents",
  async connect(url) {
    const server = new MCPServerStreamableHttp({ name: "it", url });
    await server.connect();
    const tools = () => getAllMcpTools([server]);
    return {
      tools: async () => (await tools()).map(({ name }) => name),
      told: async (tool) => (await (await tools()).find(({ name }) => name === tool).invoke(new RunContext(), "{}")).text,
      close: () => server.close(),
    };
  },
};

// `told` of a Python library is in its host.
const python = (name, environment, ...script) => ({
  name: `PyPI ${name}`,
  async connect(url) {
    const session = new PythonSession(environment, ...script);
    await session.ask("connect", { url });
    return Object.assign(session, { told: (tool) => session.ask("told", { tool }) });
  },
});

const pythonMcp = {
  name: "PyPI mcp 2.x",
  async connect(url) {
    const session = new PythonSession();
    await session.ask("connect", { url });
    return Object.assign(session, { told: async (tool) => (await session.call(tool, {})).content[0].text });
  },
};

export const frameworks = [
  aiSdk,
  langchainJs,
  openaiJs,
  pythonMcp,
  python("fastmcp", "python", "framework_host.py", "fastmcp"),
  python("openai-agents", "python", "framework_host.py", "openai-agents"),
  python("langchain-mcp-adapters", "python-langchain", "framework_host.py", "langchain"),
];
