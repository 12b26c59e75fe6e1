import {
  acceptedContent,
  type ElicitRequestFormParams,
  type InputRequest,
  inputRequired,
  inputResponse,
  type McpServer,
  type RequestStateCodec,
  type ServerContext,
} from "@modelcontextprotocol/server";
import { z } from "zod";
import { text } from "./content.ts";

const ABOUT = { description: "Answers the conformance suite." };

type FormProperties = ElicitRequestFormParams["requestedSchema"]["properties"];
type Ask = Parameters<typeof inputRequired>[0];

/** Tools and a prompt that ask the client for something before they answer. */
export function registerAsking(server: McpServer, states: RequestStateCodec<string>): void {
  const tool = (
    name: string,
    work: (context: ServerContext) => Promise<Ask | string> | Ask | string,
  ) =>
    server.registerTool(name, ABOUT, async (context) => {
      const outcome = await work(context);
      return typeof outcome === "string" ? { content: [text(outcome)] } : inputRequired(outcome);
    });
  const answered = (context: ServerContext, ...keys: string[]) =>
    keys.every((key) => inputResponse(context.mcpReq.inputResponses, key).kind !== "missing");

  tool("test_input_required_result_elicitation", ({ mcpReq }) => {
    const answer = acceptedContent(
      mcpReq.inputResponses,
      "user_name",
      z.object({ name: z.string() }),
    );
    return answer === undefined
      ? { inputRequests: { user_name: askText("What is your name?", "name") } }
      : `Hello, ${answer.name}!`;
  });
  tool(
    "test_streaming_elicitation",
    (context) =>
      answered(context, "user_name")
        ? "Thank you."
        : { inputRequests: { user_name: askText("Name?", "name") } },
  );
  tool("test_input_required_result_sampling", ({ mcpReq }) => {
    const answer = inputResponse(mcpReq.inputResponses, "capital_question");
    return answer.kind === "sampling"
      ? JSON.stringify(answer.result.content)
      : { inputRequests: { capital_question: sample("What is the capital of France?") } };
  });
  tool("test_input_required_result_list_roots", ({ mcpReq }) => {
    const answer = inputResponse(mcpReq.inputResponses, "client_roots");
    return answer.kind === "roots"
      ? answer.roots.map((root) => root.uri).join(" ")
      : { inputRequests: { client_roots: inputRequired.listRoots() } };
  });
  for (
    const name of [
      "test_input_required_result_request_state",
      "test_input_required_result_tampered_state",
    ]
  ) {
    tool(
      name,
      async (context) =>
        context.mcpReq.requestState() === "first" && answered(context, "confirm") ? "state-ok" : {
          inputRequests: { confirm: askYes("Please confirm", "ok") },
          requestState: await states.mint("first"),
        },
    );
  }
  tool(
    "test_input_required_result_multiple_inputs",
    async (context) =>
      context.mcpReq.requestState() === "first" &&
        answered(context, "user_name", "greeting", "client_roots")
        ? "Three answers."
        : {
          inputRequests: {
            user_name: askText("What is your name?", "name"),
            greeting: sample("Generate a greeting"),
            client_roots: inputRequired.listRoots(),
          },
          requestState: await states.mint("first"),
        },
  );
  tool("test_input_required_result_multi_round", async (context) => {
    const state = context.mcpReq.requestState();
    if (state === "second" && answered(context, "step2")) return "Two rounds.";
    return state === "first" && answered(context, "step1")
      ? {
        inputRequests: { step2: askText("Which color?", "color") },
        requestState: await states.mint("second"),
      }
      : {
        inputRequests: { step1: askText("What is your name?", "name") },
        requestState: await states.mint("first"),
      };
  });
  tool("test_input_required_result_capabilities", () => {
    const can = server.server.getClientCapabilities();
    return {
      inputRequests: {
        ...(can?.elicitation === undefined ? {} : { name: askText("What is your name?", "name") }),
        ...(can?.sampling === undefined ? {} : { greeting: sample("Generate a greeting") }),
      },
    };
  });
  tool(
    "test_missing_capability",
    (context) =>
      answered(context, "greeting") ? "Sampled." : { inputRequests: { greeting: sample("Greet") } },
  );
  registerOlder(tool, answered);
  server.registerPrompt("test_input_required_result_prompt", ABOUT, ({ mcpReq }) => {
    const answer = acceptedContent(
      mcpReq.inputResponses,
      "user_context",
      z.object({ context: z.string() }),
    );
    return answer === undefined
      ? inputRequired({ inputRequests: { user_context: askText("Which context?", "context") } })
      : { messages: [{ role: "user", content: text(`In the context of ${answer.context}.`) }] };
  });
}

/** What the older revision's scenarios call; they ask in the same way. */
function registerOlder(
  tool: (name: string, work: (context: ServerContext) => Ask | string) => unknown,
  answered: (context: ServerContext, ...keys: string[]) => boolean,
): void {
  const asks = (name: string, request: InputRequest) =>
    tool(
      name,
      (context) => answered(context, "it") ? "Thank you." : { inputRequests: { it: request } },
    );
  const form = (properties: FormProperties) =>
    inputRequired.elicit({
      message: "Please fill in",
      requestedSchema: { type: "object", properties },
    });
  const titled = [{ const: "value1", title: "One" }, { const: "value2", title: "Two" }];
  asks("test_sampling", sample("Say something"));
  asks("test_elicitation", form({ username: { type: "string" }, email: { type: "string" } }));
  asks(
    "test_elicitation_sep1034_defaults",
    form({
      name: { type: "string", default: "John Doe" },
      age: { type: "integer", default: 30 },
      score: { type: "number", default: 95.5 },
      status: { type: "string", enum: ["active", "inactive", "pending"], default: "active" },
      verified: { type: "boolean", default: true },
    }),
  );
  asks(
    "test_elicitation_sep1330_enums",
    form({
      untitledSingle: { type: "string", enum: ["option1", "option2"] },
      titledSingle: { type: "string", oneOf: titled },
      legacyEnum: { type: "string", enum: ["opt1", "opt2"], enumNames: ["One", "Two"] },
      untitledMulti: { type: "array", items: { type: "string", enum: ["option1", "option2"] } },
      titledMulti: { type: "array", items: { anyOf: titled } },
    }),
  );
}

function askText(message: string, name: string): InputRequest {
  return inputRequired.elicit({
    message,
    requestedSchema: {
      type: "object",
      properties: { [name]: { type: "string" } },
      required: [name],
    },
  });
}

function askYes(message: string, name: string): InputRequest {
  return inputRequired.elicit({
    message,
    requestedSchema: {
      type: "object",
      properties: { [name]: { type: "boolean" } },
      required: [name],
    },
  });
}

function sample(question: string): InputRequest {
  return inputRequired.createMessage({
    messages: [{ role: "user", content: text(question) }],
    maxTokens: 100,
  });
}
