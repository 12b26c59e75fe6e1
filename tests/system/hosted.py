"""An agent of the openai-agents package with a hosted MCP tool: the model's service calls the URL."""

import asyncio
import json
import sys

from agents import Agent, HostedMCPTool, OpenAIResponsesModel, Runner, set_tracing_disabled
from openai import AsyncOpenAI


async def main() -> None:
    task = json.load(sys.stdin)
    set_tracing_disabled(True)
    client = AsyncOpenAI(base_url=task["model"], api_key="none", max_retries=0)
    agent = Agent(
        name="Assistant",
        model=OpenAIResponsesModel(model="scripted", openai_client=client),
        tools=[HostedMCPTool(tool_config=task["tool"])],
    )
    result = await Runner.run(agent, task["prompt"])
    print(result.final_output)


asyncio.run(main())
