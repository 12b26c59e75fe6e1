"""Asks one question through an agent framework and prints the agent's last words.

Reads {"framework", "server": {"command", "args", "env"}, "model": url, "prompt"} on standard input.
The model's API is a stand-in, so that what is tested is the way of a tool's result to the model.
"""

import asyncio
import json
import sys


async def langchain(server, model, prompt):
    from langchain.agents import create_agent
    from langchain_mcp_adapters.client import MultiServerMCPClient
    from langchain_openai import ChatOpenAI

    client = MultiServerMCPClient({"wandflow": {"transport": "stdio", **server}})
    chat = ChatOpenAI(model="scripted", base_url=model, api_key="scripted", max_retries=0)
    agent = create_agent(chat, await client.get_tools())
    state = await agent.ainvoke({"messages": [{"role": "user", "content": prompt}]})
    return state["messages"][-1].text


async def openai_agents(server, model, prompt):
    from agents import Agent, OpenAIResponsesModel, Runner, set_tracing_disabled
    from agents.mcp import MCPServerStdio
    from openai import AsyncOpenAI

    set_tracing_disabled(True)
    client = AsyncOpenAI(base_url=model, api_key="scripted", max_retries=0)
    async with MCPServerStdio(params=server, client_session_timeout_seconds=60) as wandflow:
        agent = Agent(
            name="test",
            mcp_servers=[wandflow],
            model=OpenAIResponsesModel("scripted", client),
        )
        return (await Runner.run(agent, prompt)).final_output


async def pydantic_ai(server, model, prompt):
    from fastmcp.client.transports import StdioTransport
    from pydantic_ai import Agent
    from pydantic_ai.mcp import MCPToolset
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    chat = OpenAIChatModel("scripted", provider=OpenAIProvider(base_url=model, api_key="scripted"))
    agent = Agent(chat, toolsets=[MCPToolset(StdioTransport(**server))])
    return (await agent.run(prompt)).output


async def fastmcp(server, _model, _prompt):
    from fastmcp import Client

    async with Client({"mcpServers": {"wandflow": server}}) as client:
        return ", ".join(tool.name for tool in await client.list_tools())


task = json.load(sys.stdin)
ask = globals()[task["framework"]]
print(asyncio.run(ask(task["server"], task["model"] + "/v1", task["prompt"])))
