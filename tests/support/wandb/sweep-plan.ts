/** A sweep's configuration and the parameters it hands out: grid, or random with a fixed seed. */
import { parse } from "yaml";
import { z } from "zod";

const Parameter = z.looseObject({
  value: z.unknown().optional(),
  values: z.array(z.unknown()).optional(),
  min: z.number().optional(),
  max: z.number().optional(),
});
const Config = z.looseObject({
  name: z.string().optional(),
  method: z.string().default("random"),
  run_cap: z.number().optional(),
  metric: z.looseObject({ name: z.string(), goal: z.string().optional() }).optional(),
  parameters: z.record(z.string(), Parameter).default({}),
});

/** What a sweep is to try. */
export interface Plan {
  readonly name: string | undefined;
  readonly method: string;
  readonly metric: string | undefined;
  readonly goal: string;
  readonly cap: number | undefined;
  readonly parameters: Readonly<Record<string, z.infer<typeof Parameter>>>;
}

/** Reads a configuration's YAML. */
export function readPlan(text: string): Plan {
  const parsed = Config.safeParse(parse(text));
  const config = parsed.success ? parsed.data : Config.parse({});
  return {
    name: config.name,
    method: config.method,
    metric: config.metric?.name,
    goal: config.metric?.goal ?? "minimize",
    cap: config.run_cap,
    parameters: config.parameters,
  };
}

/** Number of runs, when it is finite. */
export function planSize(plan: Plan): number | undefined {
  const grid = plan.method === "grid"
    ? Object.values(plan.parameters)
      .reduce((product, parameter) => product * choices(parameter).length, 1)
    : undefined;
  if (grid === undefined) return plan.cap;
  return plan.cap === undefined ? grid : Math.min(grid, plan.cap);
}

/** The parameters of run number `index`, undefined after the last. */
export function suggestion(plan: Plan, index: number): Record<string, unknown> | undefined {
  const size = planSize(plan);
  if (size !== undefined && index >= size) return undefined;
  const chosen: Record<string, unknown> = {};
  let rest = index;
  for (const [position, [name, parameter]] of Object.entries(plan.parameters).entries()) {
    const options = choices(parameter);
    const { min, max } = parameter;
    if (options.length === 0 && min !== undefined && max !== undefined) {
      chosen[name] = min + (max - min) * fraction(index, position);
    } else if (plan.method === "grid") {
      chosen[name] = options[rest % options.length];
      rest = Math.floor(rest / options.length);
    } else {
      chosen[name] = options[Math.floor(fraction(index, position) * options.length)];
    }
  }
  return chosen;
}

function choices(parameter: z.infer<typeof Parameter>): readonly unknown[] {
  if (parameter.values) return parameter.values;
  return "value" in parameter ? [parameter.value] : [];
}

/** Spreads evenly over [0, 1), differently for every parameter. */
function fraction(index: number, position: number): number {
  return ((index + 1) * 0.6180339887 + (position + 1) * 0.7548776662) % 1;
}
