import type { BoundTool, CallContext, Tool } from "./tool.ts";

/** Gives a tool its back end's services, made anew for each call. */
export function bind<S extends object>(
  tool: Tool<S>,
  services: (context: CallContext) => S | Promise<S>,
): BoundTool {
  return {
    ...tool,
    call: async (raw, context) => {
      const own = pickContext(context);
      return await tool.call(raw, { ...own, ...await services(own) });
    },
  };
}

function pickContext(context: CallContext): CallContext {
  const { signal, progress, maxTokens, log, consent } = context;
  return { signal, progress, maxTokens, log, consent };
}
